package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// scenario is who acts on one secret at the same time, and what may go wrong.
type scenario struct {
	name    string
	roles   []*role
	pauses  []time.Duration // each may pass once in a schedule, at any moment
	after   time.Duration   // how long ago the secret was rotated first; settled if 0
	without rule            // that is taken away; none if zero
	wanted  error           // the violation that ends the search; any if nil
	strict  bool            // nothing that is known is excused

	leaksOlder bool // a revoker revokes the key that the first rotation replaced, not the newest

	faults, faultsIfSmall int  // in one schedule at most, at full depth and at a small one
	large                 bool // at full depth only
}

const (
	settled  = 2 * time.Hour                 // the first rotation's handover is over, its grace is not
	underway = 10 * time.Minute              // its new key does not sign yet
	expiring = 24*time.Hour + 55*time.Minute // its old key ends in 10 min
)

// world is one schedule of a scenario.
type world struct {
	*scenario
	t             *testing.T
	ctx           context.Context
	end           func()
	began         time.Time
	backend       *secretstest.Backend
	client        *tenantsecrets.Client
	secret, arn   string
	leaked, older document.Key // what a revoker revokes, and what is rolled back to
	actors        []*actor
	last          *actor // that moved
	faults        int
	pauses        []time.Duration // that have not passed
	schedule      []string
	broken        error // while something is done again
	history       history

	documents map[string]*document.Document // by version id
}

// newWorld makes a secret that has been rotated once, with nothing but the real code,
// and has everybody wait for the first move.
func newWorld(t *testing.T, s *scenario) *world {
	w := &world{scenario: s, t: t, pauses: s.pauses, began: time.Now(), documents: map[string]*document.Document{}}
	w.backend = secretstest.New(func(o *secretstest.Options) { o.NoCallLog = true })
	var err error
	w.client, err = tenantsecrets.New(w.backend, naming, func(o *tenantsecrets.Options) {
		o.LoadTimeout = 2 * time.Minute
		o.Logger = slog.New(slog.DiscardHandler)
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.ctx = ctx
	var running sync.WaitGroup
	w.end = func() {
		cancel()
		running.Wait()
		w.client.Close()
	}
	w.prepare()
	for _, r := range s.roles {
		w.actors = append(w.actors, w.join(r, &running))
	}
	return w
}

func (w *world) prepare() {
	if _, err := w.client.CreateTenant(w.ctx, tenant); err != nil {
		w.t.Fatal(err)
	}
	w.secret = naming.Environment + "/" + naming.Service + "/" + tenant + "/hmac_key"
	w.history = newHistory(w.began)
	w.history.strict = w.strict
	w.must(w.history.observe(w, routine))
	time.Sleep(settled)
	first, err := rotation.New(w.client, w.backend)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := first.Rotate(w.ctx, tenant); err != nil {
		w.t.Fatal(err)
	}
	w.must(w.history.observe(w, routine))
	w.leaked, w.older = w.history.last().ring[0], w.history.last().ring[1]
	if w.leaksOlder {
		w.leaked = w.older
	}
	age := settled
	if w.after > 0 {
		age = w.after
	}
	time.Sleep(age)
}

// check checks what must be true at every moment.
func (w *world) check() error {
	if err := w.judge(); err != nil {
		return err
	}
	return w.history.checkReaders()
}

// settle does again, without faults, what was wanted: it must come to an end, and leave
// nothing behind. One of each kind is enough.
func (w *world) settle() error {
	var kinds []string
	for _, r := range w.roles {
		if r.again == nil || slices.Contains(kinds, r.kind) {
			continue
		}
		kinds = append(kinds, r.kind)
		w.note(r.name, "all again")
		p := w.port(r)
		p.free = true
		if err := r.again(w.ctx, w, p); err != nil {
			return fmt.Errorf("%s does not converge: %w", r.name, err)
		}
		if err := errors.Join(w.broken, w.history.checkReaders()); err != nil {
			return err
		}
	}
	if w.history.last().holder("AWSPENDING") != "" {
		return errors.New("AWSPENDING is left behind")
	}
	return nil
}

// state is everything that the rest of the schedule follows from, but for what differs
// from run to run and for who is who among actors of one role.
func (w *world) state() uint64 {
	actors := make([]string, len(w.actors))
	for i, a := range w.actors {
		actors[i] = a.state()
	}
	slices.Sort(actors)
	var b strings.Builder
	fmt.Fprintf(&b, "%d, %d faults, %v to pass\n", time.Since(w.began), w.faults, w.pauses)
	for _, s := range w.history.states {
		fmt.Fprintf(&b, "%d %d %d\n", s.since.Sub(w.began), s.how, s.hash)
	}
	return hash(b.String() + strings.Join(actors, "\n"))
}
