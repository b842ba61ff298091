package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

//go:embed page
var files embed.FS

// pages are the files of the dashboard: nothing else is served from the folder.
var pages = map[string]struct{ file, kind string }{
	"/":                              {"page/index.html", "text/html; charset=utf-8"},
	"/app.js":                        {"page/app.js", "text/javascript; charset=utf-8"},
	"/graph.js":                      {"page/graph.js", "text/javascript; charset=utf-8"},
	"/views.js":                      {"page/views.js", "text/javascript; charset=utf-8"},
	"/dom.js":                        {"page/dom.js", "text/javascript; charset=utf-8"},
	"/sagas.js":                      {"page/sagas.js", "text/javascript; charset=utf-8"},
	"/style.css":                     {"page/style.css", "text/css; charset=utf-8"},
	"/icon.svg":                      {"page/icon.svg", "image/svg+xml"},
	"/libraries/cytoscape.mjs":       {"page/libraries/cytoscape.mjs", "text/javascript; charset=utf-8"},
	"/libraries/cytoscape-dagre.mjs": {"page/libraries/cytoscape-dagre.mjs", "text/javascript; charset=utf-8"},
}

// page serves the dashboard.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	if !s.hasToken(r) {
		signIn(w, false)
		return
	}
	at, ok := pages[r.URL.Path]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		fail(w, http.StatusNotFound, "there is no such page")
		return
	}
	data, err := files.ReadFile(at.file)
	if err != nil {
		fail(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", at.kind)
	if strings.HasPrefix(r.URL.Path, "/libraries/") {
		w.Header().Set("Cache-Control", "private, max-age=86400")
	}
	_, _ = w.Write(data)
}

const signInStyle = `body{font:16px system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;background:Canvas;color:CanvasText;color-scheme:light dark}
form{display:grid;gap:.75rem;width:min(22rem,90vw)}input,button{font:inherit;padding:.6rem .8rem;border-radius:.5rem;border:1px solid #8888}
button{background:#2563eb;color:#fff;border:0}p{color:#dc2626;margin:0}`

const signInPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Tidemill</title><style>` + signInStyle + `</style><form method="post" action="/login"><h1>Tidemill</h1>
<label for="token">Admin token</label><input id="token" name="token" type="password" autocomplete="current-password" required autofocus>WRONG
<button>Sign in</button></form></html>`

// signIn asks for the token. It is the answer where there is none, so that it is a refusal
// too.
func signIn(w http.ResponseWriter, wrong bool) {
	sum := sha256.Sum256([]byte(signInStyle))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.WriteHeader(http.StatusUnauthorized)
	message := ""
	if wrong {
		message = "<p>That is not the token.</p>"
	}
	_, _ = io.WriteString(w, strings.Replace(signInPage, "WRONG", message, 1))
}
