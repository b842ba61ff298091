package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// policy is what pages of the server may do: load its own files and talk to it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard lets only requests through that come from the server's own pages or from no page
// at all, and bounds them.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !s.knows(r.Host) {
			fail(w, http.StatusMisdirectedRequest, "this address does not go by the host name of the request: use its own, or name it with admin.Hosts")
			return
		}
		if !sameOrigin(r) {
			fail(w, http.StatusForbidden, "the request comes from a page of another origin")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// knows says whether the server goes by the host of a request. An address is not a name
// that somebody could have rebound, so that any will do.
func (s *Server) knows(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	own, _, _ := net.SplitHostPort(s.address)
	bound, _, _ := net.SplitHostPort(s.config.addr)
	return host == strings.ToLower(own) || host == strings.ToLower(bound) ||
		slices.ContainsFunc(s.config.hosts, func(name string) bool { return host == strings.ToLower(name) })
}

// sameOrigin says that a request does not come from a page of another origin. Browsers
// tell where a request comes from; programs do not.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// cookie is where the dashboard keeps its sign-in.
const cookie = "tidemill_admin"

// authorized lets only requests with the token through, if there is one. What changes
// something also has to have a header of its own, which no form of another page can set.
func (s *Server) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hasToken(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			fail(w, http.StatusUnauthorized, "give the admin token: Authorization: Bearer TOKEN")
			return
		}
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads && r.Header.Get("Authorization") == "" && r.Header.Get("X-Tidemill") == "" {
			fail(w, http.StatusForbidden, "set the header X-Tidemill: 1, which shows that no other page sent the request")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) hasToken(r *http.Request) bool {
	if s.config.token == "" {
		return true
	}
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return same(given, s.config.token)
	}
	c, err := r.Cookie(cookie)
	return err == nil && same(c.Value, s.session())
}

// session is what the cookie holds: not the token itself.
func (s *Server) session() string {
	sum := sha256.Sum256([]byte("session of the dashboard\x00" + s.config.token))
	return hex.EncodeToString(sum[:])
}

// same compares in a time that does not tell how much of it is right.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// login sets the cookie of the dashboard.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !same(r.PostFormValue("token"), s.config.token) {
		signIn(w, true)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: s.session(), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
