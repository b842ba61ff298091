package admin

import (
	"encoding/json"
	"net/http"

	"github.com/tidemill/tidemill/health"
)

// alive answers as long as the worker has not ended.
func (s *Server) alive(w http.ResponseWriter, _ *http.Request) {
	report := s.app.Health()
	code := http.StatusOK
	if !report.Alive {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"alive": report.Alive, "verdict": report.Verdict})
}

// ready answers whether the worker has come to its work.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	report := s.app.Health()
	code := http.StatusOK
	if !report.Ready {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"ready": report.Ready, "reason": report.NotReady})
}

// health answers with the whole verdict.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	report := s.app.Health()
	code := http.StatusOK
	if report.Verdict == health.Unhealthy {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, report)
}

// api is everything under /api/.
func (s *Server) api(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.app.Status()) })
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.app.Health()) })
	mux.HandleFunc("GET /api/topology", s.topology)
	mux.HandleFunc("GET /api/members", s.members)
	mux.HandleFunc("GET /api/cluster", s.cluster)
	mux.HandleFunc("GET /api/stores", s.stores)
	mux.HandleFunc("GET /api/stores/{store}", s.rows)
	mux.HandleFunc("GET /api/deadletters", s.letterTopics)
	mux.HandleFunc("GET /api/deadletters/{topic}", s.letters)
	mux.HandleFunc("POST /api/deadletters/{topic}/redrive", s.dealing(s.app.Redrive))
	mux.HandleFunc("POST /api/deadletters/{topic}/discard", s.dealing(s.app.Discard))
	mux.HandleFunc("GET /api/sagas", s.sagas)
	mux.HandleFunc("GET /api/sagas/{orchestrator}/{id}", s.saga)
	mux.HandleFunc("POST /api/sagas/{orchestrator}/{id}/{action}", s.askSaga)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path+": see docs/operations-api.md")
	})
}

func (s *Server) topology(w http.ResponseWriter, _ *http.Request) {
	plan := s.app.Plan()
	graph, err := plan.JSON()
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"plan": json.RawMessage(graph), "text": plan.Describe(), "mermaid": plan.Mermaid(), "svg": plan.SVG()})
}

func (s *Server) members(w http.ResponseWriter, r *http.Request) {
	members, err := s.app.Members(r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"members": members})
}

// storeAnswer is one store that can be read.
type storeAnswer struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Subtopology int    `json:"subtopology"`
	Changelog   string `json:"changelog,omitempty"`
	Global      bool   `json:"global,omitempty"`
}

func (s *Server) stores(w http.ResponseWriter, _ *http.Request) {
	out := []storeAnswer{}
	for _, sub := range s.app.Plan().Subtopologies {
		for _, store := range sub.Stores {
			if store.Rows() != nil {
				out = append(out, storeAnswer{Name: store.Name, Kind: store.Kind(), Subtopology: sub.ID, Changelog: store.Changelog, Global: sub.Global})
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"stores": out})
}
