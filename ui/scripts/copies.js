/* Work kept on this device until the server has it: window.JinbiaoCopies({user, mode}) gives
 *
 *   read(task), write(task, copy), forget(task)   copy: {result, at, lead, revision, unsaved, …};
 *                                                 write tells whether the device took it
 *   others(task)   the tasks of which something unsaved is kept, but for this one, oldest first
 *   download(name, content)                       hand it out as a JSON file
 */
"use strict";

window.JinbiaoCopies = ({ user, mode }) => {
  const START = `jinbiao:${user.id}:${mode}:`;

  const read = (task) => {
    try {
      return JSON.parse(localStorage.getItem(START + task));
    } catch {
      return null;
    }
  };

  const write = (task, copy) => {
    try {
      localStorage.setItem(START + task, JSON.stringify(copy));
      return true;
    } catch {
      return false; // the device keeps no more: the draft on the server is what remains
    }
  };

  // A page that is going away has no storage any more, though its work is still going on.
  const others = (task) => Object.keys(localStorage ?? {})
    .filter((key) => key.startsWith(START))
    .map((key) => ({ task: Number(key.slice(START.length)), ...read(key.slice(START.length)) }))
    .filter((copy) => copy.unsaved && copy.task !== task)
    .sort((one, other) => one.at - other.at);

  const download = (name, content) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  return { read, write, others, download, forget: (task) => localStorage?.removeItem(START + task) };
};
