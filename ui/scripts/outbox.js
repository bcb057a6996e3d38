/* Answers on their way: kept on this device until the server has taken them.
 *
 * window.JinbiaoOutbox({user, insist, take, onChange}) gives
 *   add(answer, before)   keep {task, project, path, body, kind, lock} and send it; resolves with
 *                         the server's answer, rejects with what the server will not take. `lock`
 *                         is the hold it belongs to, or a promise of it.
 *   flush()               send what an earlier page left behind
 *   waiting()             the answers that are not taken yet, oldest first
 *   failed()              those that the server refused, each with `refused`
 *   forget(task)          give up a refused answer
 * take(task) resolves with the hold of a task (an answer whose hold was not known yet when its tab
 * was killed). An answer carries a `unique_id` of its own: sent twice, it counts once.
 */
"use strict";

window.JinbiaoOutbox = ({ user, insist, take, onChange }) => {
  const START = `jinbiao:outbox:${user.id}:`;
  const flying = new Map(); // task → promise of the server's answer
  const held = new Map(); // what the device's storage would not take

  const write = (answer) => {
    try {
      localStorage.setItem(START + answer.task, JSON.stringify(answer));
      held.delete(answer.task);
    } catch {
      held.set(answer.task, answer);
    }
  };

  const read = (task) => {
    if (held.has(task)) return held.get(task);
    try {
      return JSON.parse(localStorage.getItem(START + task));
    } catch {
      return null;
    }
  };

  const drop = (task) => {
    held.delete(task);
    localStorage?.removeItem(START + task);
  };

  const all = () => {
    // A page that is going away has no storage any more, though its work is still going on.
    const kept = Object.keys(localStorage ?? {}).filter((key) => key.startsWith(START)).map((key) => read(Number(key.slice(START.length))));
    return [...kept, ...held.values()].filter(Boolean).sort((one, other) => one.at - other.at);
  };

  const chance = () => Math.random().toString(36).slice(2, 10);

  const send = async (answer, lock, before) => {
    await before;
    if (!answer.body.unique_id && answer.method === "POST") {
      const given = (await lock) ?? (await take(answer.task)).unique_lock_id;
      answer.body.unique_id = `${given}-${chance()}`;
      write(answer);
    }
    const options = {
      signIn: true,
      waiting: (seconds, problem) => onChange({ seconds, problem }),
      trying: () => onChange({}),
    };
    return insist(answer.method, answer.path, answer.body, options);
  };

  const launch = (answer, lock, before) => {
    const sent = send(answer, lock, before).then((taken) => {
      drop(answer.task);
      return taken;
    }).catch((problem) => {
      write({ ...answer, refused: { status: problem.status, detail: problem.message } });
      throw problem;
    }).finally(() => {
      flying.delete(answer.task);
      onChange({});
    });
    flying.set(answer.task, sent);
    onChange({});
    return sent;
  };

  const add = ({ lock, ...answer }, before) => {
    const kept = { at: Date.now(), ...answer };
    write(kept); // before anything else happens: a killed tab finds it again
    return launch(kept, lock, before);
  };

  const flush = () => Promise.allSettled(
    all().filter((each) => !each.refused && !flying.has(each.task)).map((each) => launch(each)),
  );

  return {
    add,
    flush,
    waiting: () => all().filter((each) => !each.refused),
    failed: () => all().filter((each) => each.refused),
    forget: (task) => { drop(task); onChange({}); },
    has: (task) => flying.has(task) || Boolean(read(task)),
  };
};
