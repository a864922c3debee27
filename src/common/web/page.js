"use strict";
// Each message is a section in its new state; what is the same stays as it is.
const last = {};
const events = new EventSource(location.pathname.replace(/\/$/, "") + "/events");
events.onmessage = (event) => {
	const box = document.createElement("template");
	box.innerHTML = event.data;
	const fresh = box.content.firstElementChild;
	if (!fresh || last[fresh.id] === event.data)
		return;
	last[fresh.id] = event.data;
	const old = document.getElementById(fresh.id);
	if (!old || old.outerHTML === fresh.outerHTML)
		return;
	const left = Array.from(old.querySelectorAll(".wide"), (each) => each.scrollLeft);
	old.replaceWith(fresh);
	fresh.querySelectorAll(".wide").forEach((each, i) => { each.scrollLeft = left[i] || 0; });
};
events.onerror = () => {
	delete last.away;
	document.getElementById("away").hidden = false;
};
