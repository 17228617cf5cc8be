package rotation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/internal/answer"
	"github.com/formbridge/tenantsecrets/internal/writer"
)

const (
	defaultWritesPerSecond = 20
	maxWritesPerSecond     = 45 // below the 50 that Put, Update and their kin share (AWS quotas)
	workers                = 16
	mostErrors             = 10 // that RotateAll returns
)

// RotateAllOptions are what [Rotator.RotateAll] can be told.
type RotateAllOptions struct {
	// RotateOptions are those of every rotation, but that OlderThan is, where it is 0,
	// as long as a key takes to sign: MaxStale and 5 min. So two runs at once, and one that
	// is repeated within that time, rotate every key once. For a run that takes longer, as
	// one of 75,000 tenants does, set OlderThan to the time between rotations.
	RotateOptions

	// WritesPerSecond bounds the writes; 20 by default, at most 45. An account and
	// Region have 50 a second for all that write secrets.
	WritesPerSecond int

	// Progress is told of every tenant when it is done with, one at a time; the result
	// is of no use where there is an error. It may be nil.
	Progress func(tenant string, result Result, err error)
}

// Summary is what became of the tenants of a [Rotator.RotateAll].
type Summary struct {
	Rotated        int // by this run
	AlreadyRotated int // by another process meanwhile
	TooYoung       int
	Planned        int // in a dry run
	Failed         int
	ClockUnchecked int // of all these, see [Result]
}

func (s *Summary) count(result Result, err error) {
	if err != nil {
		s.Failed++
		return
	}
	*map[Outcome]*int{Done: &s.Rotated, AlreadyDone: &s.AlreadyRotated, TooYoung: &s.TooYoung, Planned: &s.Planned}[result.Outcome]++
	if result.ClockUnchecked {
		s.ClockUnchecked++
	}
}

// RotateAll rotates the keys of many tenants: of those given, or, where tenants is
// nil, of all that have a secret of this kind, which takes a ListSecrets for each
// hundred secrets of the service. One that fails does not keep the others from being
// rotated.
//
// To resume a run that was ended, run it again: a tenant that was rotated is TooYoung,
// at the price of two reads. The error joins up to ten of what failed, and what ended
// the run early: the context, or a list that could not be read.
func (r *Rotator) RotateAll(ctx context.Context, tenants iter.Seq[string], optFns ...func(*RotateAllOptions)) (Summary, error) {
	var o RotateAllOptions
	for _, fn := range optFns {
		fn(&o)
	}
	if o.WritesPerSecond == 0 {
		o.WritesPerSecond = defaultWritesPerSecond
	}
	if o.OlderThan == 0 {
		o.OlderThan = r.maxStale + handoverSlack
	}
	if _, err := r.naming.Build("any", r.path); err != nil && tenants == nil { // nobody's secret would match
		return Summary{}, fmt.Errorf("rotation: RotateAll: %w", err)
	}
	if err := o.resolve(r.grace); err != nil {
		return Summary{}, fmt.Errorf("rotation: RotateAll: %w", err)
	}
	if o.WritesPerSecond < 1 || o.WritesPerSecond > maxWritesPerSecond {
		return Summary{}, fmt.Errorf("rotation: RotateAll: %w: %d writes a second are not within 1 and %d",
			tenantsecrets.ErrInvalidOption, o.WritesPerSecond, maxWritesPerSecond)
	}
	return r.newRun(o).all(ctx, tenants)
}

// run is one RotateAll.
type run struct {
	*Rotator
	options RotateAllOptions

	report  chan struct{} // who holds it reports; a lock, but one that a bubble sees through
	summary Summary
	errs    []error
}

func (r *Rotator) newRun(o RotateAllOptions) *run {
	slow := *r
	paced := *r.writer
	paced.Turn = (&pace{gap: time.Second / time.Duration(o.WritesPerSecond)}).wait
	slow.writer = &paced
	return &run{Rotator: &slow, options: o, report: make(chan struct{}, 1)}
}

func (r *run) all(ctx context.Context, tenants iter.Seq[string]) (Summary, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan string)
	var group sync.WaitGroup
	finish := sync.OnceFunc(func() { close(queue); group.Wait() })
	defer finish() // an iterator may panic
	for range workers {
		group.Go(func() {
			for tenant := range queue {
				r.one(ctx, tenant)
			}
		})
	}
	var ended error
	if tenants == nil {
		tenants = r.found(ctx, &ended)
	}
	if err := r.feed(ctx, queue, tenants); ended == nil {
		ended = err
	}
	finish()
	if ended != nil {
		r.errs = append(r.errs, fmt.Errorf("rotation: RotateAll: %w", ended))
	}
	return r.summary, errors.Join(r.errs...)
}

func (r *run) feed(ctx context.Context, queue chan<- string, tenants iter.Seq[string]) error {
	for tenant := range tenants {
		if ctx.Err() != nil { // before a worker that happens to be free
			return r.writer.Abandoned(ctx)
		}
		select {
		case queue <- tenant:
		case <-ctx.Done():
			return r.writer.Abandoned(ctx)
		}
	}
	return nil
}

func (r *run) one(ctx context.Context, tenant string) {
	s, err := r.secret(tenant)
	var result Result
	if err == nil {
		result, err = r.rotate(ctx, s, r.options.RotateOptions)
	}
	err = failed("RotateAll", s, err)
	r.report <- struct{}{}
	defer func() { <-r.report }()
	r.summary.count(result, err)
	if err != nil && len(r.errs) < mostErrors {
		r.errs = append(r.errs, err)
	}
	if r.options.Progress != nil {
		r.options.Progress(tenant, result, err)
	}
}

// found are the tenants that have a secret of the kind. Filters match prefixes, so that
// every name is compared as a whole.
func (r *Rotator) found(ctx context.Context, failed *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		in := &secretsmanager.ListSecretsInput{Filters: []types.Filter{{
			Key: types.FilterNameStringTypeName, Values: []string{r.naming.Environment + "/" + r.naming.Service + "/"},
		}}}
		for page := range r.pages(ctx, in, failed) {
			for _, entry := range page.SecretList {
				tenant, path, err := r.naming.Parse(aws.ToString(entry.Name))
				if err != nil || path != r.path || tenant == tenantsecrets.Global {
					continue
				}
				if !yield(tenant) {
					return
				}
			}
		}
	}
}

func (r *Rotator) pages(ctx context.Context, in *secretsmanager.ListSecretsInput, failed *error) iter.Seq[*secretsmanager.ListSecretsOutput] {
	return func(yield func(*secretsmanager.ListSecretsOutput) bool) {
		for {
			out, err := writer.Request(ctx, r.writer, func(ctx context.Context) (*secretsmanager.ListSecretsOutput, error) {
				return r.api.ListSecrets(ctx, in, answer.Limit(answer.ManySecrets))
			})
			if err == nil {
				err = r.writer.Listed(out.SecretList)
			}
			if err != nil {
				*failed = r.writer.ExplainRead(ctx, err)
				return
			}
			if !yield(out) || out.NextToken == nil || *out.NextToken == "" {
				return
			}
			in.NextToken = out.NextToken
		}
	}
}
