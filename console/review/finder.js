// Tag search as you type. The server searches; the list shows results only while they match the typed text.
const WAIT = 60 // debounce, milliseconds

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component
  const input = parentElement.querySelector("input")
  const list = parentElement.querySelector("ul")
  const state = (input.tagloop ??= { at: 0, timer: 0 })
  const typed = () => input.value.trim()

  const options = () => [...list.children]
  const mark = (at) => {
    const all = options()
    state.at = all.length ? (at + all.length) % all.length : 0
    all.forEach((option, i) => option.setAttribute("aria-selected", String(i === state.at)))
    all[state.at]?.scrollIntoView({ block: "nearest" })
    input.setAttribute("aria-activedescendant", all[state.at]?.id ?? "")
  }
  const close = () => {
    clearTimeout(state.timer)
    input.value = ""
    list.replaceChildren()
    input.setAttribute("aria-expanded", "false")
    input.blur()
  }
  const pick = (id) => {
    setTriggerValue("pick", { id, text: typed() })
    close()
  }
  const row = (id, text, note) => {
    const option = document.createElement("li")
    option.id = `tagloop-option-${id}`
    option.role = "option"
    option.dataset.id = id
    const small = document.createElement("small")
    small.textContent = note
    option.append(text, small)
    return option
  }

  input.placeholder = data.placeholder
  input.setAttribute("aria-label", data.placeholder)
  if (typed() && data.query === typed()) {
    const rows = data.hits.map((hit) => row(hit.id, hit.text, hit.note))
    if (!data.exact) rows.push(row("+", `Propose “${data.query}” as a new tag`, ""))
    list.replaceChildren(...rows)
    input.setAttribute("aria-expanded", "true")
    mark(0)
  }

  input.oninput = () => {
    clearTimeout(state.timer)
    if (!typed()) list.replaceChildren()
    state.timer = setTimeout(() => setStateValue("query", typed()), WAIT)
  }
  input.onkeydown = (event) => {
    event.stopPropagation() // typing must not trigger shortcuts
    if (event.key === "ArrowDown") mark(state.at + 1)
    else if (event.key === "ArrowUp") mark(state.at - 1)
    else if (event.key === "Escape") close()
    else if (event.key === "Enter" && typed()) {
      // Enter before the results arrived: the server takes the best match.
      const current = data.query === typed() ? options()[state.at]?.dataset.id : ""
      pick(current ?? "")
    } else return
    event.preventDefault()
  }
  input.onblur = () => setTimeout(() => list.replaceChildren(), 150)
  list.onmousedown = (event) => {
    event.preventDefault()
    const option = event.target.closest("li")
    if (option) pick(option.dataset.id)
  }
}
