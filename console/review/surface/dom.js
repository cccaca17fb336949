// Small helpers to build and update elements.

/** Create an element; `on…` attributes become listeners, `null` and `false` attributes are left out. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  set(element, attributes)
  element.append(...children.filter((child) => child !== null && child !== false))
  return element
}

/** Set attributes as `h` does; `null` and `false` remove them. */
export function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element[key] = value
    else if (value === null || value === false) element.removeAttribute(key)
    else if (element.getAttribute(key) !== String(value)) element.setAttribute(key, value)
  }
}

export function text(element, words) {
  if (element.textContent !== words) element.textContent = words
}

/**
 * Make a list's children follow items, without touching children whose item stays: they keep focus and place.
 * `make(item)` returns an element, `update(element, item)` brings it up to date.
 */
export function follow(list, items, key, make, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]))
  items.forEach((item, place) => {
    const name = String(key(item))
    const child = known.get(name) ?? make(item)
    known.delete(name)
    child.dataset.key = name
    update(child, item, place)
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null)
  })
  for (const child of known.values()) child.remove()
}

/** Fill the gaps of a message: fill("{n} pictures", { n: 3 }). */
export function fill(message, values) {
  return message.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "")
}

export function percent(p) {
  return p < 0.005 ? "< 1%" : `${Math.round(100 * p)}%`
}
