// Package dashboard drives the dashboard of an admin address in a browser. Its tests
// need Chromium; "make integration" runs them with the others.
package dashboard
