package main

import (
	"net/http"
	"testing"
	"time"
)

// TestForgeryService checks that what is measured is what the notes say: valid webhooks of
// every tenant are accepted, forgeries are refused, and both kinds of senders have latencies.
func TestForgeryService(t *testing.T) {
	s, err := newForgeryService(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.client.Close()
	valid := s.newPoster(t.Context(), s.valid)
	for _, id := range s.ids {
		if status := valid.post(id); status != http.StatusNoContent {
			t.Errorf("%s: a valid webhook was answered with %d", id, status)
		}
	}
	refused := make([]int64, forgers)
	times, err := s.measure(t.Context(), 50*time.Millisecond, func(stop <-chan struct{}, forger int) {
		refused[forger] = s.forge(t.Context(), stop, forger)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(times.others) == 0 || len(times.attacked) == 0 {
		t.Errorf("%d and %d valid webhooks were measured", len(times.others), len(times.attacked))
	}
	for forger, n := range refused {
		if n == 0 {
			t.Errorf("forger %d posted nothing", forger)
		}
	}
}
