// What Streamlit's own shortcuts cannot do: punctuation, moving the focus into a field, and silence while a dialog is open.
export default function (component) {
  const { setTriggerValue } = component
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.composedPath()[0]
    if (target.matches?.("input, textarea, select, [contenteditable=true]")) return
    if (document.querySelector("[role=dialog]")) {
      // A dialog lies over the page: keys of the buttons under it must wait until it is closed.
      if (!["Escape", "Tab", "Enter", " "].includes(event.key)) event.stopImmediatePropagation()
      return
    }
    if (event.key === "?") setTriggerValue("help", true)
    if (event.key === "/") {
      event.preventDefault()
      document.querySelector(".tagloop-finder input")?.focus()
    }
  }
  document.documentElement.dataset.tagloop = "keys" // a browser test waits for it
  window.addEventListener("keydown", press, true) // before Streamlit's own listeners
  return () => window.removeEventListener("keydown", press, true)
}
