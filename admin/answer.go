package admin

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/tidemill/tidemill/query"
)

// answer writes JSON.
func answer(w http.ResponseWriter, code int, what any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	data, err := json.Marshal(what)
	if err != nil {
		code, data = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.WriteHeader(code)
	_, _ = w.Write(append(data, '\n'))
}

type failure struct {
	Error string `json:"error"`
	// Address is where to ask instead.
	Address string `json:"address,omitempty"`
}

func fail(w http.ResponseWriter, code int, message string) {
	answer(w, code, failure{Error: message})
}

// badRequest is an error of whoever asks.
type badRequest struct{ error }

// refuse answers with an error of the application.
func refuse(w http.ResponseWriter, err error) {
	var bad badRequest
	var elsewhere *query.ElsewhereError
	switch {
	case errors.As(err, &bad):
		fail(w, http.StatusBadRequest, err.Error())
	case errors.As(err, &elsewhere):
		answer(w, http.StatusMisdirectedRequest, failure{Error: err.Error(), Address: elsewhere.Address})
	case errors.Is(err, query.ErrNoStore), errors.Is(err, query.ErrNoLetter), errors.Is(err, query.ErrNoSaga):
		fail(w, http.StatusNotFound, err.Error())
	case errors.Is(err, query.ErrRefused):
		fail(w, http.StatusConflict, err.Error())
	case passes(err):
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, err.Error())
	default:
		fail(w, http.StatusInternalServerError, err.Error())
	}
}

// passes says whether the same request may well be answered a little later.
func passes(err error) bool {
	for _, one := range []error{query.ErrRestoring, query.ErrRebalancing, query.ErrBehind, query.ErrStopped, errNoAnswer} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
