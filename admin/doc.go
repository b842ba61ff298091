// Package admin serves what a worker knows of itself over HTTP: probes, a JSON API,
// profiles and a dashboard. It is turned on by tidemill.Admin:
//
//	tidemill.Admin("127.0.0.1:9090")                                      // this machine only
//	tidemill.Admin("0.0.0.0:9090", admin.Token(os.Getenv("ADMIN_TOKEN"))) // everybody with the token
//
// Probes need no token. Everything else does, if there is one: as "Authorization: Bearer
// TOKEN", or in the cookie that the dashboard's sign-in sets. Requests from pages of
// other origins are refused, and so are those for host names that the address does not
// go by, which is how a page rebinds its own name to an address that it may not read.
// docs/operations-api.md lists the paths.
package admin
