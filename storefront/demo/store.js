/* The demo store: a shelf, a product page, a cart in sessionStorage and a checkout that charges nobody.
   What a real shop has to do for storefront.js is in the two calls named tell(...). */
"use strict";

const PLANTS = [
  { id: "monstera", name: "Monstera", price: 39.0, words: "Big holes, big heart. Likes it bright, not sunny." },
  { id: "snake-plant", name: "Snake plant", price: 24.5, words: "Wants water as often as you change the clocks." },
  { id: "pilea", name: "Pilea", price: 18.0, words: "Round leaves, grows fast, has children for your friends." },
  { id: "olive", name: "Olive tree", price: 54.0, words: "A south window is its Mediterranean." },
  { id: "fern", name: "Boston fern", price: 21.0, words: "Loves a steamy bathroom and a word now and then." },
  { id: "cactus", name: "Cactus", price: 12.0, words: "Asks for little. Do not hug." },
];

const money = (amount) => new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(amount);
const find = (id) => PLANTS.find((plant) => plant.id === id);
const place = (name) => document.querySelector(`[data-${name}]`);

function tell(...call) {
  (window.exitIntent = window.exitIntent || []).push(call); // Works before and after storefront.js has arrived.
}

function make(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// ---- Cart: plant id to quantity ----

const readCart = () => JSON.parse(sessionStorage.getItem("cart") || "{}");

function totals(cart) {
  const lines = Object.entries(cart).map(([id, quantity]) => ({ plant: find(id), quantity }));
  return {
    lines,
    items: lines.reduce((sum, line) => sum + line.quantity, 0),
    value: lines.reduce((sum, line) => sum + line.quantity * line.plant.price, 0),
  };
}

function saveCart(cart) {
  sessionStorage.setItem("cart", JSON.stringify(cart));
  showCount();
}

function showCount() {
  const { items, value } = totals(readCart());
  place("cart-count").textContent = items;
  tell("cart", { value: value.toFixed(2), currency: "EUR", items });
}

// ---- Pages ----

function fillShelf(shelf) {
  for (const plant of PLANTS.slice(0, Number(shelf.dataset.shelf) || PLANTS.length)) {
    const picture = make("img", { src: `/plants/${plant.id}.svg`, width: 400, height: 420, alt: "" });
    const words = make("div", {}, plant.name, make("span", { className: "price", textContent: money(plant.price) }));
    shelf.append(make("li", {}, make("a", { href: `/product.html?plant=${plant.id}` }, picture, words)));
  }
}

function fillProduct(product) {
  const plant = find(new URLSearchParams(location.search).get("plant")) || PLANTS[0];
  document.title = `${plant.name} · Fernwood`;
  const add = make("button", { className: "button", type: "button", textContent: "Add to cart" });
  add.onclick = () => {
    const cart = readCart();
    saveCart({ ...cart, [plant.id]: (cart[plant.id] || 0) + 1 });
    add.textContent = "Added. Add another?";
  };
  product.append(
    make("img", { src: `/plants/${plant.id}.svg`, width: 400, height: 420, alt: plant.name }),
    make(
      "div",
      {},
      make("h1", { textContent: plant.name }),
      make("p", { className: "price", textContent: money(plant.price) }),
      make("p", { textContent: plant.words }),
      add,
    ),
  );
}

function row(tag, ...texts) {
  return make("tr", {}, ...texts.map((textContent) => make(tag, { textContent })));
}

function fillCart(area) {
  const { lines, items, value } = totals(readCart());
  if (!items) {
    const link = make("a", { href: "/#plants", textContent: "Have a look around." });
    return area.append(make("p", { textContent: "Nothing in it yet. " }, link));
  }
  const table = make("table", {}, row("th", "Plant", "Pieces", "Price"));
  for (const { plant, quantity } of lines) table.append(row("td", plant.name, quantity, money(quantity * plant.price)));
  table.append(row("th", "Total", items, money(value)));
  area.append(table, checkoutForm(value));
}

function checkoutForm(value) {
  const code = make("input", { name: "code", autocomplete: "off" });
  const button = make("button", { className: "button", textContent: "Buy now, pay never" });
  const label = make("label", {}, "Discount code (if you have one)", code);
  const form = make("form", { className: "checkout" }, label, button);
  form.onsubmit = (event) => {
    event.preventDefault();
    checkOut(value, code.value.trim());
  };
  return form;
}

function checkOut(value, code) {
  const order = { order_id: `F-${Date.now().toString(36).toUpperCase()}`, revenue: value.toFixed(2), currency: "EUR" };
  if (code) order.discount_code = code;
  sessionStorage.setItem("order", JSON.stringify(order));
  sessionStorage.removeItem("cart");
  location.href = "/thank-you.html";
}

function fillOrder(area) {
  const order = JSON.parse(sessionStorage.getItem("order") || "null");
  if (!order) return area.append("There is no order yet.");
  area.append(`Order ${order.order_id} over ${money(order.revenue)} is on its way to nobody.`);
  tell("purchase", order);
}

const FILLERS = { shelf: fillShelf, product: fillProduct, cart: fillCart, order: fillOrder };
for (const [name, fill] of Object.entries(FILLERS)) {
  if (place(name)) fill(place(name));
}
showCount();
