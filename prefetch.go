package tenantsecrets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/formbridge/tenantsecrets/internal/cache"
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
	p := &prefetch{Client: c, cache: c.cache(), progress: o.Progress, ctx: ctx, batches: make(chan struct{}, prefetchBatches), telling: make(chan struct{}, 1)}
	p.began = c.watch.began()
	if rate := orDefault(o.Rate, defaultPrefetchRate); rate > 0 {
		p.gap = time.Second / time.Duration(rate)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer p.cache.AfterClose(cancel)()
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
	cache    *secretCache
	progress func(tenant string, err error)
	ctx      context.Context // the caller's, for events
	began    time.Time
	batches  chan struct{} // one place for each that is running
	gap      time.Duration // between two batches
	next     time.Duration // when the next one may begin

	running sync.WaitGroup
	telling chan struct{} // one at a time: of progress
	mu      sync.Mutex    // guards what follows
	done    int
	errs    []error
	again   []*cacheEntry // had no answer in this round
}

// all loads the tenants as they come, and then those again that had no answer.
func (p *prefetch) all(ctx context.Context, tenants iter.Seq[string]) {
	var batch []*cacheEntry
	for tenant := range tenants {
		e, i, err := p.entry(tenant)
		if e == nil {
			p.report(tenant, i, err)
			continue
		}
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
		_ = p.cache.Sleep(ctx, time.Second<<(round-2)) // no less than the entries' own pause
		for len(waiting) > 0 {
			n := min(len(waiting), reader.MaxBatch)
			p.start(ctx, waiting[:n], round)
			waiting = waiting[n:]
		}
		p.running.Wait()
	}
}

// entry returns nil for a tenant that is done.
func (p *prefetch) entry(tenant string) (*cacheEntry, *cacheItem, error) {
	e, i, m := p.cache.Find(cache.Key{Owner: tenant})
	if i != nil {
		i.Visit()
		return nil, i, nil
	}
	if e != nil {
		return e, nil, nil
	}
	e, err := p.Client.entry(tenant, tenantSecretKind, m)
	return e, nil, err
}

// start loads a batch in the background, once it may begin.
func (p *prefetch) start(ctx context.Context, batch []*cacheEntry, round int) {
	if len(batch) == 0 {
		return
	}
	now := p.cache.Clock().Elapsed()
	err := p.cache.Sleep(ctx, p.next-now)
	p.next = max(p.next, now) + p.gap
	if err == nil {
		err = p.take(ctx)
	}
	if err != nil {
		for _, e := range batch {
			p.report(e.Subject.tenant, nil, p.cache.Stopped(ctx))
		}
		return
	}
	p.running.Go(func() {
		defer func() { <-p.batches }()
		p.cache.LoadBatch(ctx, batch, p.read, func(e *cacheEntry, i *cacheItem, err error) { p.ended(ctx, e, i, err, round) })
	})
}

// take waits until another batch may run.
func (p *prefetch) take(ctx context.Context) error {
	select {
	case p.batches <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read reads a batch with one call.
func (p *prefetch) read(ctx context.Context, entries []*cacheEntry) (map[*cacheEntry]cache.LoadFunc[secret, loaded], error) {
	names := make([]string, len(entries))
	for n, e := range entries {
		names[n] = e.Subject.name
	}
	answers, err := reader.Batch(ctx, p.loader.api, names)
	loads := make(map[*cacheEntry]cache.LoadFunc[secret, loaded], len(answers))
	for _, e := range entries {
		if load, answered := answers[e.Subject.name]; answered {
			loads[e] = func(ctx context.Context, e *cacheEntry, k cached) (*cacheItem, int64, error) {
				return p.loader.read(ctx, e, k, load)
			}
		}
	}
	if err != nil {
		err = explain(err)
	}
	return loads, err
}

// ended notes how a tenant's load ended. A tenant without an answer is loaded again,
// unless somebody has to do something first.
func (p *prefetch) ended(ctx context.Context, e *cacheEntry, i *cacheItem, err error, round int) {
	err = explainCache(err)
	switch {
	case err == nil:
		i = cmp.Or(e.Item(), i)
	case ctx.Err() != nil:
		err = p.cache.Stopped(ctx)
	case isDefinite(err), errors.Is(err, ErrAccessDenied):
	case round < prefetchRounds:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.again = append(p.again, e)
		return
	}
	p.report(e.Subject.tenant, i, err)
}

func (p *prefetch) report(tenant string, i *cacheItem, err error) {
	o := call{p.Client, p.ctx, "Prefetch", tenant, hmacPath, p.began}
	err = o.end(i, err)
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
