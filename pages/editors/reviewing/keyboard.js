// What Streamlit's own shortcuts cannot do: punctuation, and moving the focus into a field and out of it.
const FIELD = ".st-key-review_pick input"

export default function (component) {
  const { data, setTriggerValue, parentElement } = component
  const field = () => document.querySelector(FIELD)
  const enter = () => setTimeout(() => field()?.focus(), 0)

  if (data.focus && parentElement.tagloopFocus !== undefined && data.focus !== parentElement.tagloopFocus) enter()
  parentElement.tagloopFocus = data.focus

  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.composedPath()[0]
    if (target.matches?.("input, textarea, select, [contenteditable=true]")) {
      const leaves = event.key === "Escape" || (event.key === "Enter" && target.closest(".st-key-review_pick"))
      if (leaves) setTimeout(() => target.blur(), 60) // the field itself reads the key first
      return
    }
    if (document.querySelector("[role=dialog]")) return
    if (event.key === "?") setTriggerValue("help", true)
    if (event.key === "/") {
      event.preventDefault()
      enter()
    }
  }
  document.addEventListener("keydown", press)
  return () => document.removeEventListener("keydown", press)
}
