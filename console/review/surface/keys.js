// Which key means what. Letters work while no field has the focus and no dialog is open.

const COMMANDS = {
  a: "acceptMarked", x: "rejectMarked", e: "replaceMarked", w: "whyMarked", d: "done", s: "skip", f: "flag", z: "undo",
  v: "repeat", t: "take", i: "details", o: "original", "/": "find", "?": "help", "+": "closer", "=": "closer", "-": "farther",
  ArrowLeft: "back", ArrowRight: "next", ArrowUp: "up", ArrowDown: "down",
}

/** The command of a keyboard event, as [name, argument]; null if it is not for the surface. */
export function command(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null
  const target = event.composedPath()[0]
  if (target.matches?.("input, textarea, select, [contenteditable=true]")) return null
  if (document.querySelector("[role=dialog], dialog[open]")) return null
  if (event.key >= "1" && event.key <= "9" && event.key.length === 1) return ["chip", Number(event.key) - 1]
  const name = COMMANDS[event.key.length === 1 ? event.key.toLowerCase() : event.key]
  // Arrows belong to the control that has the focus, if it is not one of the surface.
  if (!name || (event.key.startsWith("Arrow") && elsewhere(target))) return null
  return [name]
}

function elsewhere(target) {
  return target !== document.body && target.closest?.("[role=listbox], [role=radiogroup], [role=slider], [role=tablist]")
}
