// The templates' words: heading, text, button.

type Text = [string, string, string];

export const CONSENT: Record<string, string> = {
  en: "Yes, write to me about news and offers. I can unsubscribe at any time.",
  de: "Ja, schreiben Sie mir über Neuigkeiten und Angebote. Ich kann mich jederzeit abmelden.",
  fr: "Oui, écrivez-moi au sujet des nouveautés et des offres. Je peux me désinscrire à tout moment.",
  es: "Sí, escríbeme sobre novedades y ofertas. Puedo darme de baja en cualquier momento.",
  ar: "نعم، راسلوني بشأن الجديد والعروض. يمكنني إلغاء الاشتراك في أي وقت.",
};

export const TEXTS: Record<string, Record<string, Text>> = {
  welcome: {
    en: ["10 % off your first order", "Leave us your address, and the code is yours at once.", "Send me the code"],
    de: ["10 % auf Ihre erste Bestellung", "Mit Ihrer Adresse gehört der Code sofort Ihnen.", "Code zusenden"],
    fr: [
      "−10 % sur votre première commande",
      "Laissez-nous votre adresse : le code est à vous aussitôt.",
      "Recevoir le code",
    ],
    es: ["10 % en tu primer pedido", "Déjanos tu correo y el código es tuyo al momento.", "Enviarme el código"],
    ar: ["خصم 10٪ على طلبك الأول", "اترك لنا بريدك الإلكتروني وستحصل على الرمز فورًا.", "أرسلوا لي الرمز"],
  },
  cart: {
    en: ["Your cart is still here", "Finish your order now, and this code makes it cheaper.", "Show me the code"],
    de: ["Ihr Warenkorb wartet noch", "Schließen Sie jetzt ab: Mit diesem Code wird es günstiger.", "Code zeigen"],
    fr: ["Votre panier vous attend", "Terminez votre commande : ce code en réduit le prix.", "Voir le code"],
    es: ["Tu carrito sigue aquí", "Termina tu pedido ahora y paga menos con este código.", "Ver el código"],
    ar: ["سلتك ما زالت هنا", "أكمل طلبك الآن، وهذا الرمز يخفض ثمنه.", "أظهروا الرمز"],
  },
  shipping: {
    en: [
      "Almost there: free shipping from 50 €",
      "A little more in your cart, and we send it for nothing.",
      "Ship it free",
    ],
    de: [
      "Fast geschafft: ab 50 € versandkostenfrei",
      "Noch eine Kleinigkeit, und wir liefern kostenlos.",
      "Versand sparen",
    ],
    fr: [
      "Bientôt la livraison offerte dès 50 €",
      "Encore un petit article et nous livrons gratuitement.",
      "Livraison offerte",
    ],
    es: [
      "Casi lo tienes: envío gratis desde 50 €",
      "Un poco más en tu carrito y te lo enviamos gratis.",
      "Quiero envío gratis",
    ],
    ar: ["اقتربت: شحن مجاني ابتداءً من 50 يورو", "القليل بعد في سلتك ونشحنها مجانًا.", "شحن مجاني"],
  },
  newsletter: {
    en: ["Once a month, and worth reading", "What is new, what is in season, and nothing else.", "Subscribe"],
    de: ["Einmal im Monat, und lesenswert", "Was neu ist, was Saison hat, und sonst nichts.", "Abonnieren"],
    fr: ["Une fois par mois, et à lire", "Les nouveautés, la saison, et rien d’autre.", "S’abonner"],
    es: ["Una vez al mes, y vale la pena", "Lo nuevo, lo de temporada y nada más.", "Suscribirme"],
    ar: ["مرة في الشهر، وتستحق القراءة", "الجديد وما هو في موسمه، ولا شيء غير ذلك.", "اشتراك"],
  },
  sale: {
    en: ["The sale ends on Sunday", "Take this code along for what you have been looking at.", "Use it now"],
    de: ["Der Ausverkauf endet am Sonntag", "Nehmen Sie diesen Code mit für das, was Ihnen gefällt.", "Jetzt einlösen"],
    fr: ["Les soldes se terminent dimanche", "Emportez ce code pour ce qui vous a plu.", "En profiter"],
    es: ["Las rebajas acaban el domingo", "Llévate este código para lo que te ha gustado.", "Usarlo ahora"],
    ar: ["تنتهي التخفيضات يوم الأحد", "خذ هذا الرمز لما أعجبك.", "استخدمه الآن"],
  },
  feedback: {
    en: ["Is something missing?", "Write to us, or call: a person answers, today.", "All right"],
    de: ["Fehlt Ihnen etwas?", "Schreiben Sie uns oder rufen Sie an: Heute antwortet ein Mensch.", "In Ordnung"],
    fr: [
      "Il vous manque quelque chose ?",
      "Écrivez-nous ou appelez : une personne vous répond aujourd’hui.",
      "D’accord",
    ],
    es: ["¿Te falta algo?", "Escríbenos o llámanos: hoy te responde una persona.", "De acuerdo"],
    ar: ["هل ينقصك شيء؟", "راسلنا أو اتصل بنا: يجيبك إنسان اليوم.", "حسنًا"],
  },
  stock: {
    en: ["Shall we tell you when it is back?", "One e-mail, as soon as it can be ordered again.", "Tell me"],
    de: ["Sollen wir Bescheid sagen?", "Eine E-Mail, sobald es wieder bestellbar ist.", "Bescheid sagen"],
    fr: ["On vous prévient de son retour ?", "Un e-mail dès qu’il est de nouveau disponible.", "Prévenez-moi"],
    es: ["¿Te avisamos cuando vuelva?", "Un correo en cuanto se pueda pedir de nuevo.", "Avísame"],
    ar: ["هل نخبرك عند توفره؟", "رسالة واحدة فور إمكانية طلبه من جديد.", "أخبروني"],
  },
  holiday: {
    en: [
      "A gift before the holidays",
      "Order by 20 December, and it arrives in time. This code is from us.",
      "Unwrap it",
    ],
    de: [
      "Ein Geschenk vor den Feiertagen",
      "Bis 20. Dezember bestellt, rechtzeitig da. Dieser Code ist von uns.",
      "Auspacken",
    ],
    fr: [
      "Un cadeau avant les fêtes",
      "Commandé avant le 20 décembre, livré à temps. Ce code est pour vous.",
      "Le déballer",
    ],
    es: [
      "Un regalo antes de las fiestas",
      "Pídelo antes del 20 de diciembre y llega a tiempo. Este código es nuestro regalo.",
      "Abrirlo",
    ],
    ar: ["هدية قبل الأعياد", "اطلب قبل 20 ديسمبر ليصلك في الوقت. هذا الرمز منا.", "افتح الهدية"],
  },
  returning: {
    en: ["Good to see you again", "Here is a small thank-you for coming back.", "Thank you"],
    de: ["Schön, dass Sie wieder da sind", "Ein kleines Dankeschön für Ihre Treue.", "Danke"],
    fr: ["Ravis de vous revoir", "Un petit merci pour votre fidélité.", "Merci"],
    es: ["Qué bien verte de nuevo", "Un pequeño gracias por volver.", "Gracias"],
    ar: ["سعداء برؤيتك مجددًا", "شكر صغير على عودتك.", "شكرًا"],
  },
  guide: {
    en: ["The guide we give to friends", "Twelve pages on choosing well, by e-mail.", "Send me the guide"],
    de: [
      "Der Ratgeber, den wir Freunden geben",
      "Zwölf Seiten, wie man gut auswählt, per E-Mail.",
      "Ratgeber zusenden",
    ],
    fr: ["Le guide que nous offrons à nos amis", "Douze pages pour bien choisir, par e-mail.", "Recevoir le guide"],
    es: ["La guía que damos a los amigos", "Doce páginas para elegir bien, por correo.", "Enviarme la guía"],
    ar: ["الدليل الذي نهديه للأصدقاء", "اثنتا عشرة صفحة لحسن الاختيار، بالبريد.", "أرسلوا لي الدليل"],
  },
  launch: {
    en: ["Have you seen what is new?", "It arrived this week, and there are not many.", "I will look"],
    de: ["Schon gesehen, was neu ist?", "Diese Woche eingetroffen, und es sind nicht viele.", "Ansehen"],
    fr: ["Avez-vous vu les nouveautés ?", "Arrivées cette semaine, en petit nombre.", "J’y vais"],
    es: ["¿Has visto lo nuevo?", "Ha llegado esta semana y hay pocas unidades.", "Voy a verlo"],
    ar: ["هل رأيت الجديد؟", "وصل هذا الأسبوع، والكمية قليلة.", "سألقي نظرة"],
  },
  mobile: {
    en: ["10 % off, in a minute", "Your address, our code.", "Get it"],
    de: ["10 % in einer Minute", "Ihre Adresse, unser Code.", "Holen"],
    fr: ["−10 % en une minute", "Votre adresse, notre code.", "En profiter"],
    es: ["10 % en un minuto", "Tu correo, nuestro código.", "Lo quiero"],
    ar: ["خصم 10٪ في دقيقة", "بريدك، ورمزنا.", "احصل عليه"],
  },
};
