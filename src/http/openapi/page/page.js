
"use strict";

// The page stands at <prefix>/api/docs: everything else is found from there.
const base = location.pathname.replace(/\/api\/docs$/, "");
const methods = ["get", "post", "put", "patch", "delete"];
const longest = 200000;
let api;

main().catch((error) => show("The description cannot be shown: " + error.message));

async function main() {
  const answer = await fetch("openapi.json", { credentials: "omit" });
  if (!answer.ok) throw new Error("openapi.json was answered with " + answer.status);
  api = await answer.json();
  byId("version").textContent = api.info.version;
  const families = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of methods.filter((method) => item[method])) {
      const family = item[method].tags[0];
      if (!families.has(family)) families.set(family, []);
      families.get(family).push(call(path, method, item));
    }
  }
  const parts = [...families].flatMap(([family, calls]) => [element("h2", { id: anchor(family) }, family), ...calls]);
  byId("main").replaceChildren(...paragraphs(api.info.description), ...parts, element("h2", { id: "schemas" }, "Schemas"), ...schemas());
  const links = [...families.keys()].map((family) => element("a", { href: "#" + anchor(family) }, family));
  byId("families").replaceChildren(...links, element("a", { href: "#schemas" }, "Schemas"));
  byId("find").addEventListener("input", find);
}

// One method of one path; its inside is made when it is opened.
function call(path, method, item) {
  const operation = item[method];
  const head = element("summary", {}, element("span", { class: "method " + method }, method), element("code", {}, path),
    element("span", { class: "what" }, operation.summary));
  const whole = element("details", { class: "call" }, head);
  whole.dataset.words = [method, path, operation.summary, operation.description || ""].join(" ").toLowerCase();
  whole.addEventListener("toggle", () => {
    if (whole.open && whole.childElementCount === 1) whole.append(inside(path, method, item));
  });
  return whole;
}

function inside(path, method, item) {
  const operation = item[method];
  const parameters = (operation.parameters || []).map(resolve);
  const box = element("div", {}, ...paragraphs(operation.description), element("p", {}, credentials(operation)));
  if (parameters.length) {
    const rows = parameters.map((parameter) => [
      element("code", parameter.required ? { class: "needed" } : {}, parameter.name), parameter.in,
      parameter.description || "", element("code", {}, bounds(parameter.schema)),
    ]);
    box.append(element("h4", {}, "Parameters"), table(["name", "in", "what", "values"], rows));
  }
  if (operation.requestBody) {
    box.append(element("h4", {}, "Body"));
    for (const [kind, content] of Object.entries(operation.requestBody.content)) box.append(element("code", {}, kind), tree(content.schema));
  }
  box.append(element("h4", {}, "Answers"), ...Object.entries(operation.responses).map(([status, answer]) => told(status, resolve(answer))));
  box.append(element("h4", {}, "Try it"), item.servers
    ? element("p", {}, "It is on another listener: " + item.servers.map((server) => server.description).join(", "))
    : attempt(path, method, operation, parameters));
  return box;
}

function credentials(operation) {
  const ways = (operation.security || []).flatMap((way) => Object.keys(way));
  return ways.length ? "Credentials: " + ways.join(" or ") + "." : "No credentials.";
}

function told(status, answer) {
  const whole = element("details", {}, element("summary", {}, element("strong", {}, status), " " + (answer.description || "")));
  const headers = Object.entries(answer.headers || {});
  if (headers.length) {
    whole.append(table(["header", "what"], headers.map(([name, header]) => [element("code", {}, name), resolve(header).description || ""])));
  }
  for (const [kind, content] of Object.entries(answer.content || {})) {
    whole.append(element("code", {}, kind), tree(content.schema));
    if (content.example) whole.append(element("pre", {}, JSON.stringify(content.example, null, 2)));
  }
  return whole;
}

// A form that sends one request with the token that is typed above.
function attempt(path, method, operation, parameters) {
  const form = element("form", {});
  const fields = parameters.map((parameter) => {
    const many = Boolean(parameter.schema.items);
    const input = element(many ? "textarea" : "input", { autocomplete: "off", spellcheck: "false" });
    if (many) input.rows = 2;
    if (parameter.required) input.required = true;
    const hint = many ? ", one a line" : "";
    form.append(element("label", {}, parameter.name + " (" + parameter.in + hint + ")", element("br", {}), input));
    return { parameter, input };
  });
  const kinds = Object.keys((operation.requestBody || {}).content || {});
  const kind = element("select", {}, ...kinds.map((name) => element("option", {}, name)));
  const body = element("textarea", { spellcheck: "false" });
  if (kinds.length) form.append(element("label", {}, "Body ", kind), body);
  const out = element("div", {});
  form.append(element("button", {}, "Send"), out);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = { method: method.toUpperCase(), headers: {}, credentials: "omit", redirect: "manual" };
    if (kinds.length) {
      request.headers["Content-Type"] = kind.value;
      request.body = body.value;
    }
    send(target(path, fields, request.headers), request, out);
  });
  return form;
}

function target(path, fields, headers) {
  const query = new URLSearchParams();
  let filled = path;
  for (const { parameter, input } of fields) {
    if (input.value === "") continue;
    const values = parameter.schema.items ? input.value.split("\n").filter(Boolean) : [input.value];
    if (parameter.in === "path") filled = filled.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
    else if (parameter.in === "header") headers[parameter.name] = input.value;
    else values.forEach((value) => query.append(parameter.name, value));
  }
  return base + filled + (query.size ? "?" + query : "");
}

async function send(url, request, out) {
  const token = byId("token").value;
  if (token) request.headers.Authorization = "Bearer " + token;
  out.replaceChildren(element("p", {}, "…"));
  try {
    const began = performance.now();
    const answer = await fetch(url, request);
    const text = await read(answer);
    const took = Math.round(performance.now() - began);
    const headers = [...answer.headers].map(([name, value]) => name + ": " + value).join("\n");
    out.replaceChildren(element("p", { class: answer.ok ? "" : "bad" }, request.method + " " + url + " → " + answer.status + " in " + took + " ms"),
      element("pre", {}, headers), element("pre", {}, pretty(text).slice(0, longest)));
  } catch (error) {
    out.replaceChildren(element("p", { class: "bad" }, "The request was not answered: " + error.message));
  }
}

// All of an answer; of a stream, which does not end by itself, the first ten seconds.
async function read(answer) {
  if (!(answer.headers.get("content-type") || "").startsWith("text/event-stream")) return answer.text();
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  const end = setTimeout(() => reader.cancel(), 10000);
  let text = "";
  while (text.length < longest) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  clearTimeout(end);
  reader.cancel();
  return text;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function schemas() {
  return Object.entries(api.components.schemas).map(([name, schema]) =>
    element("details", { class: "call", id: "schema-" + name }, element("summary", {}, name), element("div", {}, tree(schema))));
}

// A schema as people read it: members with their types, named ones as links.
function tree(schema) {
  if (schema.$ref) return element("p", {}, link(schema.$ref));
  if (schema.oneOf) return element("div", {}, ...schema.oneOf.map(tree));
  if (schema.items) return element("div", {}, element("p", {}, (schema.description || "") + " A list of:"), tree(schema.items));
  const members = Object.entries(schema.properties || {});
  const any = schema.additionalProperties;
  const box = element("div", {}, element("p", {}, [schema.description, members.length ? "" : bounds(schema)].filter(Boolean).join(" ")));
  if (members.length) {
    box.append(table(["member", "values", "what"], members.map(([name, member]) => [
      element("code", (schema.required || []).includes(name) ? { class: "needed" } : {}, name),
      member.$ref ? link(member.$ref) : element("code", {}, bounds(member)),
      nested(member) ? tree(member) : member.description || "",
    ])));
  }
  if (any && typeof any === "object") box.append(element("p", {}, "Each member:"), tree(any));
  return box;
}

function nested(schema) {
  return Boolean(schema.properties || (schema.items && (schema.items.$ref || schema.items.properties)) ||
    (schema.additionalProperties && schema.additionalProperties !== true));
}

// Type and limits in one line.
function bounds(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf) return schema.oneOf.map(bounds).join(" or ");
  const words = [[].concat(schema.type || "anything").join(" or ")];
  if (schema.items) words[0] = "list of " + bounds(schema.items);
  if (schema.format) words.push(schema.format);
  if (schema.enum) words.push(schema.enum.map((value) => JSON.stringify(value)).join(" | "));
  if (schema.pattern) words.push(schema.pattern);
  const limits = { minimum: "≥", maximum: "≤", minLength: "length ≥", maxLength: "length ≤", minItems: "items ≥", maxItems: "items ≤", default: "default" };
  for (const [key, sign] of Object.entries(limits)) if (schema[key] !== undefined) words.push(sign + " " + schema[key]);
  const example = (schema.examples || [schema.example])[0];
  if (example !== undefined) words.push("such as " + example);
  return words.join(", ");
}

function find() {
  const words = byId("find").value.toLowerCase().split(/\s+/);
  for (const whole of document.querySelectorAll("details.call[data-words]")) {
    whole.hidden = !words.every((word) => whole.dataset.words.includes(word));
  }
}

function resolve(thing) {
  if (!thing.$ref) return thing;
  return thing.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
}

function link(reference) {
  const name = reference.split("/").pop();
  const to = element("a", { href: "#schema-" + name }, name);
  to.addEventListener("click", () => { byId("schema-" + name).open = true; });
  return to;
}

function table(heads, rows) {
  return element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {}, head)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
}

function paragraphs(text) {
  return (text || "").split("\n\n").filter(Boolean).map((part) => element("p", {}, ...coded(part)));
}

// What stands between backticks is code.
function coded(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function anchor(family) {
  return "family-" + family.replace(/\W+/g, "-");
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== ""));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

function show(text) {
  byId("main").replaceChildren(element("p", { class: "bad" }, text));
}
