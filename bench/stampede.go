package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const stampedeNotes = `10,000 goroutines ask at once for a secret that nobody has loaded; every call to
Secrets Manager takes 20 ms. The load is what one caller alone waits for another cold
secret, in the same engine right before. Waits are each goroutine's own.`

const (
	crowd         = 10_000
	stampedeAPI   = 20 * time.Millisecond
	stampedeLimit = 1.3 // loads that p99 waits
)

// rush is what became of one stampede, or the median of several.
type rush struct {
	calls     float64 // to Secrets Manager
	p99, load float64 // ns
	loads     float64 // that p99 waited
	alone     float64 // calls of the load that one caller waited for
}

func stampede(ctx context.Context, b *run) ([]line, error) {
	makers := append([]maker{newOurs}, peers...)
	rushes := make([][]rush, len(makers))
	var names []string
	for range b.repeats {
		names = make([]string, len(makers))
		for _, i := range rand.Perm(len(makers)) {
			r, name, err := rushOnce(ctx, makers[i])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			rushes[i], names[i] = append(rushes[i], r), name
		}
	}
	l := line{Case: plural(crowd, "caller"), Peers: make(map[string]string)}
	for i, name := range names {
		r := medianRush(rushes[i])
		text := fmt.Sprintf("%s, p99 %s, load %s", plural(int(r.calls), "call"), brief(time.Duration(r.p99)), brief(time.Duration(r.load)))
		if name == oursName {
			l.Ours = text
			l.Goals = []goal{
				atMost(r.calls, r.alone, "%.0f calls"),
				atMost(r.loads, stampedeLimit, "%.2f loads at p99"),
			}
		} else {
			l.Peers[name] = text
		}
	}
	return []line{l}, nil
}

func medianRush(rushes []rush) rush {
	of := func(figure func(rush) float64) float64 {
		var figures []float64
		for _, r := range rushes {
			figures = append(figures, figure(r))
		}
		return median(figures)
	}
	return rush{
		calls: of(func(r rush) float64 { return r.calls }),
		p99:   of(func(r rush) float64 { return r.p99 }),
		load:  of(func(r rush) float64 { return r.load }),
		loads: of(func(r rush) float64 { return r.loads }),
		alone: of(func(r rush) float64 { return r.alone }),
	}
}

func rushOnce(ctx context.Context, build maker) (rush, string, error) {
	p, err := newPopulation(2, 1)
	if err != nil {
		return rush{}, "", err
	}
	api := &meter{service: p.backend}
	e, err := build(api, unhurried)
	if err != nil {
		return rush{}, "", err
	}
	defer e.close()
	defer p.backend.Inject(secretstest.Fault{Delay: stampedeAPI})()

	began := time.Now()
	err = e.verify(ctx, p.ids[0], p.body, p.signature)
	load, alone := time.Since(began), api.calls()
	if err != nil {
		return rush{}, e.name, err
	}
	waits, err := all(crowd, func() error { return e.verify(ctx, p.ids[1], p.body, p.signature) })
	p99 := newLatencies(waits).quantile(.99)
	return rush{
		calls: float64(api.calls() - alone), alone: float64(alone),
		p99: float64(p99), load: float64(load), loads: float64(p99) / float64(load),
	}, e.name, err
}

// all does the same from many goroutines at once, and returns how long it took
// each of them.
func all(goroutines int, do func() error) ([]time.Duration, error) {
	var (
		wait   sync.WaitGroup
		failed firstError
		start  = make(chan struct{})
		took   = make([]time.Duration, goroutines)
	)
	for i := range goroutines {
		wait.Go(func() {
			<-start
			began := time.Now()
			failed.keep(do())
			took[i] = time.Since(began)
		})
	}
	close(start)
	wait.Wait()
	return took, failed.err
}
