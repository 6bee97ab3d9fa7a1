// Runs before the first paint, so that a chosen theme does not flash; a file of its own, since the
// content security policy allows no inline script.
try {
  const chosen = localStorage.getItem("nova-theme");
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
} catch {
  // Storage is turned off: the system's theme it is.
}
