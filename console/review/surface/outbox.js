// Acts that the server has not answered yet. Each has a key of its own in the browser's storage, so that a reload, a
// lost connection or a second tab loses none; sending one twice is harmless, because its uid is written once.

const MOST = 100 // acts in one message

export class Outbox {
  constructor(user, storage = window.localStorage) {
    this.user = user
    this.prefix = `tagloop.act.${user}.`
    this.storage = storage
    this.acts = this.#restore()
  }

  /** Keep an act until it is answered. */
  add(act) {
    this.acts.push(act)
    try {
      this.storage.setItem(this.prefix + act.uid, JSON.stringify(act))
    } catch {
      // Storage is full or forbidden: the act is still sent, but a reload would lose it.
    }
  }

  /** The acts to send next, oldest first. */
  waiting() {
    return this.acts.slice(0, MOST)
  }

  /** Forget acts that were answered; returns them. */
  answered(uids) {
    const known = new Set(uids)
    const found = this.acts.filter((act) => known.has(act.uid))
    this.acts = this.acts.filter((act) => !known.has(act.uid))
    for (const act of found) this.storage.removeItem(this.prefix + act.uid)
    return found
  }

  #restore() {
    const found = []
    for (let n = 0; n < this.storage.length; n++) {
      const key = this.storage.key(n)
      if (!key.startsWith(this.prefix)) continue
      try {
        found.push(JSON.parse(this.storage.getItem(key)))
      } catch {
        this.storage.removeItem(key)
      }
    }
    return found.sort((a, b) => a.at - b.at)
  }
}

/** A new idempotency key; `crypto.randomUUID` exists only on secure origins. */
export function newUid() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}
