package main

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// newHandler serves a backend with these options, and the command's own paths.
func newHandler(options func(*secretstest.Options)) http.Handler {
	var backend atomic.Pointer[secretstest.Backend] // replaced by every reset
	backend.Store(secretstest.New(options))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		backend.Store(secretstest.New(options))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		backend.Load().Handler().ServeHTTP(w, r)
	})
	return mux
}
