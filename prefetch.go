package tenantsecrets

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/formbridge/tenantsecrets/internal/reader"
)

const (
	// Of the 100 BatchGetSecretValue a second that an account has in a Region,
	// several processes can start at once. At this rate 10,000 tenants take 25 s.
	defaultPrefetchRate = 20

	// prefetchRounds is how often a tenant that gets no answer is asked for, with
	// waits of 1, 2, 4 and 8 s between.
	prefetchRounds = 5

	// prefetchBatches is how many batches are under way at once. Each has 20 loads,
	// which take one turn of MaxLoads together.
	prefetchBatches = 8

	// seatWait is how long a batch waits for its loads to begin. One that has not by
	// then is somebody else's, however long that takes.
	seatWait = 10 * time.Millisecond
)

// PrefetchOptions are what [Client.Prefetch] can be told.
type PrefetchOptions struct {
	// Rate is how many BatchGetSecretValue, of 20 tenants each, begin in a second; 20
	// by default. Negative: no limit but that of eight under way at a time.
	Rate int

	// Progress is told of every tenant once it is held, or cannot be: then err is an
	// *Error. It is called by one goroutine at a time.
	Progress func(tenant string, err error)
}

// Prefetch loads the HMAC secrets of tenants before anybody asks for them, 20 with
// one call, as a service does when it starts. Those that are fresh cost nothing.
// What cannot be loaded has the error that a call would have; a tenant that got no
// answer is asked for again, up to five times. The process needs
// the permission secretsmanager:BatchGetSecretValue besides GetSecretValue.
//
// What is read so is checked like any other answer, but for what a batch does not
// show: see "Three ways to read" in the package's documentation.
//
// The error is an *Error that says how many tenants failed, and errors.Is finds
// what each of them failed with; PrefetchOptions.Progress is told which. ctx ends
// the whole. Prefetch may be called at any time, also by several goroutines.
func (c *Client) Prefetch(ctx context.Context, tenants iter.Seq[string], optFns ...func(*PrefetchOptions)) error {
	o := PrefetchOptions{}
	for _, fn := range optFns {
		fn(&o)
	}
	p := &prefetch{Client: c, cache: c.cache(), progress: o.Progress, ctx: ctx, batches: newSlots(prefetchBatches), telling: make(chan struct{}, 1)}
	p.began = p.cache.beganAt()
	if rate := orDefault(o.Rate, defaultPrefetchRate); rate > 0 {
		p.gap = time.Second / time.Duration(rate)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.cache.ctx, cancel)()
	p.all(ctx, tenants)
	if len(p.errs) > 0 {
		return &Error{Op: "Prefetch", Err: &prefetchFailure{p.done, p.errs}}
	}
	return nil
}

// prefetchFailure is all errors of a prefetch. It quotes one.
type prefetchFailure struct {
	tenants int
	errs    []error
}

func (f *prefetchFailure) Error() string {
	return fmt.Sprintf("%d of %d tenants could not be loaded, the first: %v", len(f.errs), f.tenants, f.errs[0])
}

func (f *prefetchFailure) Unwrap() []error { return f.errs }

// prefetch is one call of Prefetch.
type prefetch struct {
	*Client
	cache    *cache
	progress func(tenant string, err error)
	ctx      context.Context // the caller's, for events
	began    time.Time
	batches  *slots
	gap      time.Duration // between two batches
	next     time.Duration // when the next one may begin

	running sync.WaitGroup
	telling chan struct{} // one at a time: of progress
	mu      sync.Mutex    // guards what follows
	done    int
	errs    []error
	again   []*entry // had no answer in this round
}

// all loads the tenants as they come, and then those again that had no answer.
func (p *prefetch) all(ctx context.Context, tenants iter.Seq[string]) {
	var batch []*entry
	for tenant := range tenants {
		e, s, err := p.entry(tenant)
		if e == nil {
			p.report(tenant, s, err)
			continue
		}
		e.named.Store(true)
		if batch = append(batch, e); len(batch) == reader.MaxBatch {
			p.start(ctx, batch, 1)
			batch = nil
		}
	}
	p.start(ctx, batch, 1)
	p.running.Wait()
	for round := 2; len(p.again) > 0; round++ {
		waiting := p.again
		p.again = nil
		_ = p.cache.sleep(ctx, minBackoff<<(round-2)) // not below the entries' own
		for len(waiting) > 0 {
			n := min(len(waiting), reader.MaxBatch)
			p.start(ctx, waiting[:n], round)
			waiting = waiting[n:]
		}
		p.running.Wait()
	}
}

// entry returns nil for a tenant that is done.
func (p *prefetch) entry(tenant string) (*entry, *snapshot, error) {
	e, s, _ := p.cache.find(tenant, hmacPath)
	if s != nil {
		return nil, s, nil
	}
	if e != nil {
		return e, nil, nil
	}
	e, err := p.newEntry(tenant, tenantSecretKind)
	return e, nil, err
}

// start loads a batch in the background, once it may begin.
func (p *prefetch) start(ctx context.Context, batch []*entry, round int) {
	if len(batch) == 0 {
		return
	}
	now := p.cache.clock.elapsed()
	err := p.cache.sleep(ctx, p.next-now)
	p.next = max(p.next, now) + p.gap
	if err == nil {
		err = p.batches.take(ctx, 0, nil)
	}
	if err != nil {
		for _, e := range batch {
			p.report(e.tenant, nil, p.stopped(ctx))
		}
		return
	}
	p.running.Go(func() {
		defer p.batches.free()
		p.load(ctx, batch, round)
	})
}

// stopped is why nothing more is begun.
func (p *prefetch) stopped(ctx context.Context) error {
	if p.cache.ctx.Err() != nil {
		return ErrClosed
	}
	return abandoned(ctx)
}

// seat is one secret's in a batch.
type seat struct {
	*entry
	taken  chan struct{} // closed when the secret's load waits for the batch
	result <-chan singleflight.Result
}

// load loads a batch. Each secret has a load of its own, which others can join, and
// which waits for the one call. A secret that somebody else is loading is not in
// it: it would wait for that load, and those who have joined this one would too.
func (p *prefetch) load(ctx context.Context, batch []*entry, round int) {
	answers := newBatchAnswers()
	seats := make([]*seat, len(batch))
	for i, e := range batch {
		seats[i] = p.seat(e, answers)
	}
	var names []string
	waited := time.NewTimer(seatWait)
	defer waited.Stop()
	for _, s := range seats {
		select {
		case <-s.taken:
			names = append(names, s.name)
			continue
		default:
		}
		select {
		case <-s.taken:
			names = append(names, s.name)
		case r := <-s.result:
			s.result = nil
			p.settle(ctx, s.entry, r.Err, round)
		case <-waited.C:
			waited.Reset(0) // for the others
		}
	}
	p.read(ctx, answers, names)
	for _, s := range seats {
		if s.result != nil {
			r := <-s.result
			p.settle(ctx, s.entry, r.Err, round)
		}
	}
}

// seat begins a secret's load, unless one is under way. One that was described
// before is loaded by itself: a batch does not tell whether it is older than that.
func (p *prefetch) seat(e *entry, answers *batchAnswers) *seat {
	s := &seat{entry: e, taken: make(chan struct{})}
	s.result = p.cache.flights.DoChan(e.name, func() (any, error) {
		if e.described() {
			return p.cache.load(&p.cache.groups.known, e, vouched)
		}
		return p.cache.loadNow(e, batched, func(ctx context.Context, e *entry, k known) (found, error) {
			close(s.taken)
			return p.loader.batched(ctx, e, k, answers)
		})
	})
	return s
}

func (e *entry) described() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed != 0
}

// batchAnswers is a batch's answers, once there are any.
type batchAnswers struct {
	there chan struct{}
	loads map[string]reader.Load
	err   error // of the call, for the secrets without a load
}

func newBatchAnswers() *batchAnswers { return &batchAnswers{there: make(chan struct{})} }

// read makes the call, in one turn. The loads that wait for it end with
// LoadTimeout, and so does it.
func (p *prefetch) read(ctx context.Context, a *batchAnswers, names []string) {
	defer close(a.there)
	if len(names) == 0 {
		return
	}
	ctx, cancel := p.cache.bounded(ctx)
	defer cancel()
	slots := p.cache.groups.known.slots
	if a.err = slots.take(ctx, len(names), nil); a.err != nil {
		return
	}
	defer slots.free()
	a.loads, a.err = safely(ctx, func() (map[string]reader.Load, error) { return reader.Batch(ctx, p.loader.api, names) })
}

// errNotBatched is the end of a load whose batch did not bring it. It says nothing
// about the secret: whoever has joined it loads for himself.
var errNotBatched = errors.New("the batch did not bring it")

// batched is fetch for a secret in a batch.
func (l *loader) batched(ctx context.Context, e *entry, k known, a *batchAnswers) (found, error) {
	select {
	case <-a.there:
	case <-ctx.Done():
		return found{}, notBatched(nil)
	}
	if load, answered := a.loads[e.name]; answered {
		return l.read(ctx, e, k, load)
	}
	return found{}, notBatched(a.err)
}

func notBatched(err error) error {
	f := transient("no answer in time")
	if err != nil {
		if f = (*failure)(nil); !errors.As(err, &f) {
			f = explain(err)
		}
	}
	return &failure{Sentinel: ErrUnavailable, Detail: "BatchGetSecretValue: " + f.Error(), Cause: errors.Join(errNotBatched, f)}
}

// settle takes note of how a tenant's load ended. Where there was no answer it is
// asked for again, unless somebody has to do something first.
func (p *prefetch) settle(ctx context.Context, e *entry, err error, round int) {
	var s *snapshot
	switch {
	case err == nil:
		if s = e.held.Load(); s != nil {
			s.see() // or the sieve would let it go before its first call
		}
	case ctx.Err() != nil:
		err = p.stopped(ctx)
	case isDefinite(err), errors.Is(err, ErrAccessDenied):
	case round < prefetchRounds:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.again = append(p.again, e)
		return
	}
	if errors.Is(err, errSuperseded) {
		err = transient("%v", err)
	}
	p.report(e.tenant, s, err)
}

func (p *prefetch) report(tenant string, s *snapshot, err error) {
	err = p.end(p.ctx, "Prefetch", tenant, hmacPath, p.began, s, err)
	p.telling <- struct{}{}
	defer func() { <-p.telling }()
	p.mu.Lock()
	p.done++
	if err != nil {
		p.errs = append(p.errs, err)
	}
	p.mu.Unlock()
	if p.progress != nil {
		p.progress(tenant, err)
	}
}
