// Questions to Python: one on its way at a time, not too often, and of those that wait only the newest.

/** offer(value) sends it now or later; answered() lets the next one go. Unanswered for `patience` ms: asked again. */
export function mailbox(send, gap = 100, patience = 10000, clock = () => performance.now()) {
  let waiting = null;
  let sentAt = -Infinity;
  let open = false; // a question is on its way
  let timer = null;
  const pump = () => {
    timer = null;
    if (!waiting) return;
    const wait = (open ? patience : gap) - (clock() - sentAt);
    if (wait > 0) {
      timer = setTimeout(pump, wait);
      return;
    }
    const [value] = waiting;
    waiting = null;
    open = true;
    sentAt = clock();
    send(value);
  };
  const next = () => {
    clearTimeout(timer);
    pump();
  };
  return {
    offer(value) {
      waiting = [value];
      next();
    },
    answered() {
      open = false;
      next();
    },
    stop() {
      clearTimeout(timer);
      waiting = null;
    },
  };
}
