package tenantsecrets

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Event is one thing that a client did, as [Options].Observe is told of it when it
// is over. It never holds a secret, a key or a signature.
type Event struct {
	Kind EventKind

	// Op is the call ("TenantSecret"), "Load", or the operation of Secrets Manager
	// ("DescribeSecret").
	Op string

	// Tenant and Name are as in [Error]: where Err is ErrInvalidTenant, Tenant is
	// whatever the caller passed. A request has the secret's name alone, and a
	// BatchGetSecretValue none.
	Tenant, Name string

	// VersionID is what was served or found; "" where nothing was.
	VersionID string

	// Age of what was served, or 0.
	Age time.Duration

	Began time.Time
	Took  time.Duration
	Err   error // nil: it succeeded
}

// EventKind tells what an [Event] is of.
type EventKind int

const (
	// EventCall is a call of a [Client] or of [Get]: who asked for what, and what
	// they got. Its context is the caller's.
	EventCall EventKind = iota

	// EventLoad is one load of one secret, for any number of calls.
	EventLoad

	// EventRequest is one request to Secrets Manager, the SDK's own repetitions of it
	// included.
	EventRequest
)

// watch counts what a client does, and tells Options.Observe of it.
type watch struct {
	observe func(context.Context, Event) // may be nil
	now     func() time.Time

	requests                            [len(operations)]atomic.Uint64
	wrongTenant, malformed, badPrevious atomic.Uint64
}

// began returns the time, where somebody observes: a hit would feel it.
func (w *watch) began() (began time.Time) {
	if w.observe != nil {
		began = w.now()
	}
	return began
}

// tell completes an event and hands it over.
func (w *watch) tell(ctx context.Context, e Event) {
	e.Took = max(0, w.now().Sub(e.Began))
	w.observe(ctx, e)
}

// loaded tells of a load that has ended.
func (w *watch) loaded(e *cacheEntry, began time.Time, i *cacheItem, err error) {
	event := Event{Kind: EventLoad, Op: "Load", Tenant: e.Subject.tenant, Name: e.Subject.name, Began: began, Err: explainCache(err)}
	if i != nil {
		event.VersionID = i.Value.current
	}
	w.tell(context.Background(), event)
}

// requested counts a request that has ended, and tells of it. Of its error it keeps only
// the code: the text is not known to be harmless, and the chain holds the signed request.
func (w *watch) requested(ctx context.Context, op operation, name *string, began time.Time, err error) {
	w.requests[op].Add(1)
	if w.observe == nil {
		return
	}
	event := Event{Kind: EventRequest, Op: operations[op], Name: aws.ToString(name), Began: began}
	if err != nil {
		event.Err = sentinels.Bare(err)
	}
	w.tell(ctx, event)
}

// call is one call of a client's.
type call struct {
	*Client
	ctx              context.Context
	op, tenant, path string
	began            time.Time // zero: nobody observes
}

func (c *Client) begin(ctx context.Context, op, tenant, path string) call {
	return call{c, ctx, op, tenant, path, c.watch.began()}
}

// end returns the error of a call, with what was asked for, and tells of the call. i is
// what was served, or nil. A hit that nobody observes has nothing to say.
func (c *call) end(i *cacheItem, err error) error {
	if err == nil && c.began.IsZero() {
		return nil
	}
	return c.report(i, err)
}

func (c *call) report(i *cacheItem, err error) error {
	name := ""
	if i != nil {
		name = i.Entry().Subject.name
	} else {
		name, _ = c.naming.Build(c.tenant, c.path)
	}
	if err != nil {
		err = &Error{Op: c.op, Tenant: c.tenant, Name: name, Err: explainCache(err)}
	}
	if c.watch.observe == nil {
		return err
	}
	event := Event{Kind: EventCall, Op: c.op, Tenant: c.tenant, Name: name, Began: c.began, Err: err}
	if i != nil {
		event.VersionID, event.Age = i.Value.current, c.age(i)
	}
	c.watch.tell(c.ctx, event)
	return err
}

// reported is the API with every request counted and told of.
type reported struct {
	api   API
	watch *watch
}

func (r *reported) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	began := r.watch.began()
	out, err := r.api.DescribeSecret(ctx, in, optFns...)
	r.watch.requested(ctx, describeSecret, in.SecretId, began, err)
	return out, err
}

func (r *reported) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	began := r.watch.began()
	out, err := r.api.GetSecretValue(ctx, in, optFns...)
	r.watch.requested(ctx, getSecretValue, in.SecretId, began, err)
	return out, err
}

func (r *reported) BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	began := r.watch.began()
	out, err := r.api.BatchGetSecretValue(ctx, in, optFns...)
	r.watch.requested(ctx, batchGetSecretValue, nil, began, err)
	return out, err
}

func (r *reported) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	began := r.watch.began()
	out, err := r.api.CreateSecret(ctx, in, optFns...)
	r.watch.requested(ctx, createSecret, in.Name, began, err)
	return out, err
}
