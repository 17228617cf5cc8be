package secretstest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Fault is something that goes wrong: which calls it hits, and what happens to
// them. The zero Fault hits every call and does nothing.
type Fault struct {
	// Operation is the operation's name, "GetSecretValue". Empty: any.
	Operation string

	// SecretID is a secret's name, and then matches calls by name and by ARN, whole
	// or partial, in any account and Region; or an ARN, and then matches calls
	// about that secret only: in its account and Region, and not by a whole ARN
	// with another suffix. Empty: any.
	//
	// In BatchGetSecretValue a fault without a SecretID hits the call, and one with
	// it that secret's entry. Delay, LostAnswer and an Err that is no answer hit
	// the call then too; in a call by filter the Delay passes after its secrets
	// were read, for it is not known before which they are.
	SecretID string

	// After is how many matching calls pass unharmed first.
	After int

	// Times is how many matching calls are hit. 0: all of them.
	Times int

	// Probability is the share of the matching calls that are hit, after After and
	// up to Times. 0: all of them.
	Probability float64

	// Seed decides what Probability and StaleUpTo leave open. The nth matching
	// call of a fault always fares the same under one seed. Faults that differ in
	// Operation, SecretID or their position in the call of Inject fare apart.
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
	// remembered, and the last 64 names deleted by force. Writes are not affected.
	StaleBy time.Duration

	// StaleUpTo makes each read answer what was true at some moment up to that
	// long ago, or at StaleBy if that is longer ago.
	StaleUpTo time.Duration
}

// Inject adds faults. They stay until remove is called, which may be done more
// than once; the count of each one's After and Times starts now. Where several
// faults hit one call, their delays add up, the first error wins, and the
// longest staleness counts. Inject panics on a fault that can never be meant: an
// operation that does not exist, a Probability outside 0 to 1, or a negative
// number.
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
	about         target // of SecretID
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
		f.check()
		if v := reflect.ValueOf(f.Err); v.Kind() == reflect.Pointer && v.IsNil() {
			f.Err = nil // a nil pointer of an exception type
		}
		added[i] = &activeFault{Fault: f, about: targetOf(f.SecretID), chance: rand.New(rand.NewPCG(f.Seed, f.stream(i)))}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, added...)
	return func() { l.remove(added) }
}

// check panics on what would silently hit nothing, or everything.
func (f Fault) check() {
	switch {
	case f.Operation != "" && operations[f.Operation] == nil:
		panic("secretstest: Fault.Operation " + strconv.Quote(f.Operation) + " is no operation")
	case !(f.Probability >= 0 && f.Probability <= 1): // NaN too
		panic(fmt.Sprintf("secretstest: Fault.Probability %v is not from 0 to 1", f.Probability))
	case f.After < 0 || f.Times < 0:
		panic("secretstest: Fault.After or Fault.Times is negative")
	case f.Delay < 0 || f.StaleBy < 0 || f.StaleUpTo < 0:
		panic("secretstest: Fault.Delay, Fault.StaleBy or Fault.StaleUpTo is negative")
	}
}

// stream is the sequence of random numbers of the fault in a position, of those
// that one seed has.
func (f Fault) stream(position int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %s", position, f.Operation, f.SecretID)
	return h.Sum64()
}

// target is a secret that a fault or a call is about.
type target struct {
	name  string
	owner vaultID // zero for a name
	arn   string  // whole; empty for a name and a partial ARN
}

func targetOf(id string) target {
	resource, ok := arnResource(id)
	if !ok {
		return target{name: id}
	}
	t := target{name: nameInARN(resource)}
	t.owner, _ = arnVault(id)
	if t.name != resource {
		t.arn = id
	}
	return t
}

// hits tells whether a fault on t hits a call about id.
func (t target) hits(from origin, id string) bool {
	called := targetOf(id)
	if called.name == "" || called.name != t.name {
		return false
	}
	if called.owner == (vaultID{}) {
		called.owner = vaultID{from.caller.account, from.region}
	}
	return (t.owner == vaultID{} || t.owner == called.owner) && (t.arn == "" || called.arn == "" || t.arn == called.arn)
}

func (l *faultList) remove(faults []*activeFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = slices.DeleteFunc(l.active, func(f *activeFault) bool { return slices.Contains(faults, f) })
}

// plan decides what happens to a call.
func (l *faultList) plan(call Call, from origin) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.active) == 0 {
		return plan{entries: make([]plan, len(call.SecretIDs))}
	}
	p := l.hit(call.Operation, func(f *activeFault) bool {
		return f.SecretID == "" || f.about.hits(from, call.SecretID)
	})
	l.addEntries(&p, call.Operation, from, call.SecretIDs)
	return p
}

// entries decides what happens to secrets that a batch by filter has found, and
// because of them to the call.
func (l *faultList) entries(operation string, from origin, ids []string) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	var p plan
	l.addEntries(&p, operation, from, ids)
	return p
}

func (l *faultList) addEntries(p *plan, operation string, from origin, ids []string) {
	for _, id := range ids {
		p.addEntry(l.hit(operation, func(f *activeFault) bool { return f.SecretID != "" && f.about.hits(from, id) }))
	}
}

// hit gathers the faults that are about a secret.
func (l *faultList) hit(operation string, about func(*activeFault) bool) plan {
	var p plan
	for _, f := range l.active {
		if about(f) {
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
	if f.StaleUpTo == 0 {
		return 0
	}
	return time.Duration(f.chance.Uint64N(uint64(f.StaleUpTo) + 1)) // no overflow: less than 1<<63
}

func (p *plan) add(f Fault) {
	p.wait(f.Delay)
	p.lostAnswer = p.lostAnswer || f.LostAnswer
	p.staleBy = max(p.staleBy, f.StaleBy)
	if p.err == nil {
		p.err = f.Err
	}
}

// wait adds a delay; the sum of delays stays the longest there is.
func (p *plan) wait(d time.Duration) {
	p.delay += min(d, math.MaxInt64-p.delay)
}

// addEntry adds a batch entry. What happens to the connection happens to the
// whole call.
func (p *plan) addEntry(entry plan) {
	p.wait(entry.delay)
	p.lostAnswer = p.lostAnswer || entry.lostAnswer
	if _, answered := asAPIError(entry.err); !answered && p.err == nil {
		p.err = entry.err
	}
	p.entries = append(p.entries, entry)
}
