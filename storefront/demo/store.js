/* The demo store: a shelf, a product page, a cart in sessionStorage and a checkout that charges nobody.
   What a real shop has to do for exit_intent.js is in the two calls named tell(...). */
"use strict";

const PLANTS = [
  { id: "monstera", name: "Monstera", price: 39.0, words: "Big holes, big heart. Likes a bright spot out of the midday sun." },
  { id: "snake-plant", name: "Snake plant", price: 24.5, words: "Needs water about as often as you change the clocks." },
  { id: "pilea", name: "Pilea", price: 18.0, words: "Round leaves, quick grower, happy to share its children with your friends." },
  { id: "olive", name: "Olive tree", price: 54.0, words: "A south window is its Mediterranean. Comes 60 cm tall." },
  { id: "fern", name: "Boston fern", price: 21.0, words: "Loves a steamy bathroom and a word now and then." },
  { id: "cactus", name: "Cactus", price: 12.0, words: "Asks for little. Do not hug." },
];

const money = (amount) => new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(amount);
const find = (id) => PLANTS.find((plant) => plant.id === id);
const place = (name) => document.querySelector(`[data-${name}]`);

function tell(...call) {
  (window.exitIntent = window.exitIntent || []).push(call); // Works before and after exit_intent.js has arrived.
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
    make("div", {}, make("h1", { textContent: plant.name }), make("p", { className: "price", textContent: money(plant.price) }),
      make("p", { textContent: plant.words }), add),
  );
}

function fillCart(area) {
  const { lines, items, value } = totals(readCart());
  if (!items) return area.append(make("p", { textContent: "Nothing in it yet. " }, make("a", { href: "/#plants", textContent: "Have a look around." })));
  const table = make("table", {}, make("tr", {}, make("th", { textContent: "Plant" }), make("th", { textContent: "Pieces" }), make("th", { textContent: "Price" })));
  for (const { plant, quantity } of lines) {
    table.append(make("tr", {}, make("td", { textContent: plant.name }), make("td", { textContent: quantity }), make("td", { className: "price", textContent: money(quantity * plant.price) })));
  }
  table.append(make("tr", {}, make("th", { textContent: "Total" }), make("th", { textContent: items }), make("th", { className: "price", textContent: money(value) })));
  const code = make("input", { name: "code", autocomplete: "off" });
  const form = make("form", { className: "checkout" }, make("label", {}, "Discount code (if you have one)", code),
    make("button", { className: "button", textContent: "Buy now, pay never" }));
  form.onsubmit = (event) => {
    event.preventDefault();
    checkOut(value, code.value.trim());
  };
  area.append(table, form);
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
