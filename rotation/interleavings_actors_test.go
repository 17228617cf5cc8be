package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing/synctest"
	"time"
)

// role is what somebody wants of the secret.
type role struct {
	name    string
	kind    string // the same for those who do the same
	act     func(ctx context.Context, w *world, p *port) (versionID string, err error)
	opens   string        // the first call
	makes   change        // what its writes are
	hostile bool          // it is not this package's code: nothing goes wrong with it
	skew    time.Duration // of its clock
	fails   []error       // that are no defect

	// again is what is done about it once everybody has ended; nil: nothing. It must
	// reach its goal.
	again func(ctx context.Context, w *world, p *port) error
}

// actor is a role in one schedule: a goroutine that runs from call to call.
type actor struct {
	*role
	port      *port
	gate      chan struct{} // closed when it begins
	begun     bool
	disturbed bool // something went wrong with it
	judged    bool // its outcome was looked at
	versionID string
	err       error
}

func (w *world) join(r *role, running *sync.WaitGroup) *actor {
	a := &actor{role: r, port: w.port(r), gate: make(chan struct{})}
	running.Go(func() {
		select {
		case <-a.gate:
			a.versionID, a.err = r.act(w.ctx, w, a.port)
		case <-w.ctx.Done():
		}
		a.port.set(func(s *status) { s.ended = true })
	})
	return a
}

func (a *actor) done() bool { return a.port.now().ended }

// ready tells whether the actor waits for the scheduler.
func (a *actor) ready() bool { return !a.begun || a.port.now().waiting != "" }

// sleeps tells whether it waits for time to pass.
func (a *actor) sleeps() bool { return !a.ready() && !a.done() }

// next is the call that it is about to make.
func (a *actor) next() string {
	if !a.begun {
		return a.opens
	}
	return a.port.now().waiting
}

// make lets the actor move.
func (a *actor) make(m move) {
	if !a.begun {
		a.begun = true
		close(a.gate)
		synctest.Wait()
	}
	a.disturbed = a.disturbed || m.deed.isFault()
	a.port.moves <- m
}

// state is what the actor does next.
func (a *actor) state() string {
	if a.done() {
		return a.kind + " is done"
	}
	return fmt.Sprint(a.kind, a.skew, a.port.now().known, a.next())
}

// judge looks at what an actor has come to. With one that nothing has happened to it
// must be what it wanted.
func (w *world) judge() error {
	for _, a := range w.actors {
		if !a.done() || a.judged {
			continue
		}
		a.judged = true
		switch {
		case a.err == nil && a.versionID != "" && w.history.tenures[a.versionID] == 0:
			return fmt.Errorf("%s succeeded, and its version has never been current", a.name)
		case a.err == nil || a.disturbed || a.hostile:
		case !isOneOf(a.err, a.fails):
			return fmt.Errorf("%s failed: %w", a.name, a.err)
		}
	}
	return nil
}

func isOneOf(err error, sentinels []error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
