package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const outageNotes = `Secrets Manager answers every read with a failure of its own, or not at all, after
1,000 tenants were loaded; defaults throughout (TTL 5 min, MaxStale 1 h, StaleWait
250 ms), in simulated time. A few tenants are asked for 20 times a second, the others
every 10 s. On the wire the SDK repeats what fails: the last line counts its attempts
for one hot secret, in real time.`

func outage(ctx context.Context, b *run) ([]line, error) {
	lines, err := b.simulated(ctx, "outage")
	if err != nil {
		return nil, err
	}
	wire, err := attemptsOnTheWire(ctx, b)
	return append(lines, wire), err
}

const hotInterval = 50 * time.Millisecond // between requests for a hot secret

// attemptsOnTheWire counts what reaches Secrets Manager for one secret, asked
// for by each engine through the SDK's client. The engines do not wait for the
// machine but for the outage, so they run side by side.
func attemptsOnTheWire(ctx context.Context, b *run) (line, error) {
	makers := append([]maker{newOurs}, peers...)
	var (
		wait     sync.WaitGroup
		failed   firstError
		names    = make([]string, len(makers))
		attempts = make([]float64, len(makers))
	)
	for i, build := range makers {
		wait.Go(func() {
			var err error
			names[i], attempts[i], err = attemptsOf(ctx, b.attempts, build)
			failed.keep(err)
		})
	}
	wait.Wait()
	l := line{Case: "attempts on the wire, one hot secret", Peers: make(map[string]string)}
	for i, name := range names {
		text := fmt.Sprintf("%.1f/s", attempts[i])
		if name == oursName {
			l.Ours = text
		} else {
			l.Peers[name] = text
		}
	}
	return l, failed.err
}

// attemptsOf returns the attempts a second while every one fails.
func attemptsOf(ctx context.Context, during time.Duration, build maker) (name string, perSecond float64, err error) {
	p, err := newPopulation(1, 1)
	if err != nil {
		return "", 0, err
	}
	var requests atomic.Int64
	handler := p.backend.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	e, err := build(newSDKClient(server.URL, &http.Client{Transport: transport}), settings{ttl: time.Second, maxStale: time.Hour})
	if err != nil {
		return "", 0, err
	}
	defer e.close()
	if err := e.get(ctx, p.ids[0]); err != nil {
		return e.name, 0, err
	}
	before := requests.Load()
	p.backend.Inject(secretstest.Fault{Err: secretstest.InternalError()})
	for began := time.Now(); time.Since(began) < during; time.Sleep(hotInterval) {
		_ = e.get(ctx, p.ids[0]) // the old value, or an error: what is counted is the calls
	}
	return e.name, float64(requests.Load()-before) / during.Seconds(), nil
}
