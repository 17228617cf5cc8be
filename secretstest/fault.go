package secretstest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Fault is something that goes wrong: which calls it hits, and what happens to
// them. The zero Fault hits every call and does nothing.
type Fault struct {
	// Operation is the operation's name, "GetSecretValue". Empty: any.
	Operation string

	// SecretID is a secret's name; it also matches calls that use the ARN, whole
	// or partial. Empty: any. In BatchGetSecretValue a fault with a SecretID hits
	// that secret's entry, and one without hits the call.
	SecretID string

	// After is how many matching calls pass unharmed first.
	After int

	// Times is how many matching calls are hit. 0: all of them.
	Times int

	// Probability is the share of the matching calls that are hit, after After and
	// up to Times. 0: all of them.
	Probability float64

	// Seed decides what Probability and StaleUpTo leave open. The nth matching
	// call of a fault always fares the same under one seed.
	Seed uint64

	// Delay passes before anything else happens. It ends early when the call's
	// context does.
	Delay time.Duration

	// Err is the answer: one of this package's errors, another smithy.APIError,
	// or any error for a connection that breaks before the service acts. Nothing
	// is read or written. Nil: none.
	Err error

	// LostAnswer lets the call take effect and then breaks the connection.
	LostAnswer bool

	// StaleBy makes a read answer what was true that long ago, like an eventually
	// consistent service. At least the last 64 changes of each name are
	// remembered. Writes are not affected.
	StaleBy time.Duration

	// StaleUpTo makes each read answer what was true at some moment up to that
	// long ago, or at StaleBy if that is longer ago.
	StaleUpTo time.Duration
}

// Inject adds faults. They stay until remove is called, which may be done more
// than once; the count of each one's After and Times starts now. Where several
// faults hit one call, their delays add up, the first error wins, and the
// longest staleness counts.
func (b *Backend) Inject(faults ...Fault) (remove func()) {
	return b.faults.add(faults)
}

// faultList is the faults in force, in the order they were injected.
type faultList struct {
	mu     sync.Mutex
	active []*activeFault
}

// activeFault is a fault and what has become of it.
type activeFault struct {
	Fault
	matched, hits int
	chance        *rand.Rand // drawn from once a matching call for each thing left open
}

// plan is what happens to one call, and to the entries of a batch.
type plan struct {
	delay      time.Duration
	err        error
	lostAnswer bool
	staleBy    time.Duration
	entries    []plan // one for each of Call.SecretIDs
}

func (l *faultList) add(faults []Fault) (remove func()) {
	added := make([]*activeFault, len(faults))
	for i, f := range faults {
		f.SecretID = secretName(f.SecretID)
		added[i] = &activeFault{Fault: f, chance: rand.New(rand.NewPCG(f.Seed, 0))}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, added...)
	return func() { l.remove(added) }
}

func (l *faultList) remove(faults []*activeFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = slices.DeleteFunc(l.active, func(f *activeFault) bool { return slices.Contains(faults, f) })
}

// plan decides what happens to a call.
func (l *faultList) plan(call Call) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.active) == 0 {
		return plan{entries: make([]plan, len(call.SecretIDs))}
	}
	p := l.hit(call.Operation, "", secretName(call.SecretID))
	for _, id := range call.SecretIDs {
		p.addEntry(l.hit(call.Operation, secretName(id)))
	}
	return p
}

// entries decides what happens to secrets that a batch by filter has found.
func (l *faultList) entries(operation string, ids []string) []plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	plans := make([]plan, len(ids))
	for i, id := range ids {
		plans[i] = l.hit(operation, secretName(id))
		if _, answered := asAPIError(plans[i].err); !answered {
			plans[i].err = nil
		}
	}
	return plans
}

// hit gathers the faults whose SecretID is one of those given.
func (l *faultList) hit(operation string, secretIDs ...string) plan {
	var p plan
	for _, f := range l.active {
		if slices.Contains(secretIDs, f.SecretID) {
			p.add(f.hit(operation))
		}
	}
	return p
}

// hit counts a call that is about the fault's secret.
func (f *activeFault) hit(operation string) Fault {
	if f.Operation != "" && f.Operation != operation {
		return Fault{}
	}
	f.matched++
	lucky, now := f.draw(), f.Fault
	now.StaleBy = max(now.StaleBy, f.drawStaleness())
	if f.matched <= f.After || lucky || f.Times > 0 && f.hits == f.Times {
		return Fault{}
	}
	f.hits++
	return now
}

// draw tells whether a call gets away.
func (f *activeFault) draw() bool {
	return f.Probability > 0 && f.chance.Float64() >= f.Probability
}

func (f *activeFault) drawStaleness() time.Duration {
	if f.StaleUpTo <= 0 {
		return 0
	}
	return time.Duration(f.chance.Int64N(int64(f.StaleUpTo) + 1))
}

func (p *plan) add(f Fault) {
	p.delay += f.Delay
	p.lostAnswer = p.lostAnswer || f.LostAnswer
	p.staleBy = max(p.staleBy, f.StaleBy)
	if p.err == nil {
		p.err = f.Err
	}
}

// addEntry adds a batch entry. What happens to the connection happens to the
// whole call.
func (p *plan) addEntry(entry plan) {
	p.delay += entry.delay
	p.lostAnswer = p.lostAnswer || entry.lostAnswer
	if _, answered := asAPIError(entry.err); !answered && p.err == nil {
		p.err = entry.err
	}
	p.entries = append(p.entries, entry)
}
