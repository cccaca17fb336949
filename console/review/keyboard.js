// What Streamlit's own shortcuts cannot do: punctuation, focusing a field, and ignoring keys while a dialog is open.
// The one listener is never removed: Streamlit may remount the component at any time, and no key may be lost meanwhile.
const SETTLING = 500 // milliseconds after "/" in which the field may be remounted and lose the focus

const field = () => document.querySelector(".tl-finder input")
const here = () => document.querySelector(".st-key-review_keyboard")

function listen() {
  const keyboard = { help: () => {}, until: 0 }
  const press = (event) => {
    if (!here() || event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.composedPath()[0]
    if (target.matches?.("input, textarea, select, [contenteditable=true]")) {
      if (["Enter", "Escape"].includes(event.key)) keyboard.until = 0 // left on purpose
      return
    }
    if (document.querySelector("[role=dialog]")) {
      // Shortcuts of the buttons below a dialog are disabled while it is open.
      if (!["Escape", "Tab", "Enter", " "].includes(event.key)) event.stopImmediatePropagation()
      return
    }
    if (event.key === "?") keyboard.help()
    if (event.key === "/") {
      event.preventDefault()
      keyboard.until = Date.now() + SETTLING
      field()?.focus()
    } else if (Date.now() < keyboard.until && event.key.length === 1) {
      // Meant for the field: a letter must not trigger a shortcut because the field was just remounted.
      event.preventDefault()
      event.stopImmediatePropagation()
      if (!field()) return
      field().focus()
      field().value += event.key
      field().dispatchEvent(new Event("input"))
    }
  }
  window.addEventListener("keydown", press, true) // before Streamlit's own listeners
  document.documentElement.dataset.tagloop = "keys" // a browser test waits for it
  return keyboard
}

export default function (component) {
  window.tagloopKeyboard ??= listen()
  window.tagloopKeyboard.help = () => component.setTriggerValue("help", true)
}
