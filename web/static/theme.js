// Before the first paint. A function, so that it leaves no name behind.
(() => {
  const theme = localStorage.getItem('holdall.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
