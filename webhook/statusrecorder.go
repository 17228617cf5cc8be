package webhook

import (
	"errors"
	"net/http"
)

// statusRecorder records the status of the answer. http.ResponseController finds all other
// abilities of the ResponseWriter through Unwrap.
type statusRecorder struct {
	http.ResponseWriter
	status int
	sent   bool
}

func (w *statusRecorder) WriteHeader(status int) {
	if !w.sent && status >= http.StatusOK { // 1xx are sent before the answer
		w.status, w.sent = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusRecorder) Write(b []byte) (int, error) {
	w.sent = true
	return w.ResponseWriter.Write(b)
}

// Flush is for handlers that use an http.Flusher.
func (w *statusRecorder) Flush() { _ = w.FlushError() }

// FlushError is for http.ResponseController. A flush sends the status, 200 if none was
// written, and a later WriteHeader has no effect.
func (w *statusRecorder) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		w.sent = true
	}
	return err
}

func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
