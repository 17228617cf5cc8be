package tenantsecrets

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/answer"
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

// call is one call of the client's.
type call struct {
	ctx              context.Context
	op, tenant, path string
	began            time.Time // zero: nobody observes
}

// beganAt is the time, where somebody wants to know: a hit would feel it.
func (c *cache) beganAt() (began time.Time) {
	if c.observe != nil {
		began = c.clock.time()
	}
	return began
}

// end says of an error what was asked for, and tells the observer. A hit has
// nothing to say.
func (c *Client) end(ctx context.Context, op, tenant, path string, began time.Time, s *snapshot, err error) error {
	if err == nil && began.IsZero() {
		return nil
	}
	return c.report(call{ctx, op, tenant, path, began}, s, err)
}

func (c *Client) report(call call, s *snapshot, err error) error {
	name := ""
	if s != nil {
		name = s.entry.name
	} else {
		name, _ = c.naming.Build(call.tenant, call.path)
	}
	if err != nil {
		err = &Error{Op: call.op, Tenant: call.tenant, Name: name, Err: err}
	}
	cache := c.cache()
	if cache.observe == nil {
		return err
	}
	event := Event{Kind: EventCall, Op: call.op, Tenant: call.tenant, Name: name, Began: call.began, Err: err}
	if s != nil {
		event.VersionID, event.Age = s.current, max(0, s.age(cache.clock.elapsed()))
	}
	cache.tell(call.ctx, event)
	return err
}

// tell completes an event and hands it over.
func (c *cache) tell(ctx context.Context, e Event) {
	e.Took = max(0, c.clock.time().Sub(e.Began))
	c.observe(ctx, e)
}

// loaded counts a load that is over, and tells the observer.
func (c *cache) loaded(e *entry, began time.Time, s *snapshot, err error) {
	c.counts.loads.Add(1)
	if err != nil {
		c.counts.failures.Add(1)
	}
	if c.observe == nil {
		return
	}
	event := Event{Kind: EventLoad, Op: "Load", Tenant: e.tenant, Name: e.name, Began: began, Err: err}
	if s != nil {
		event.VersionID = s.current
	}
	c.tell(c.ctx, event)
}

// reported is the API with every request counted and told of, and the size of every
// answer limited.
type reported struct {
	api   API
	cache func() *cache // hidden, as the Client's
}

// requested counts a request that is over, and tells the observer. Of its error
// there is the code alone: its text is not known to be harmless, and its chain
// holds the signed request.
func (c *cache) requested(ctx context.Context, op operation, name *string, began time.Time, err error) {
	c.counts.requests[op].Add(1)
	if c.observe == nil {
		return
	}
	event := Event{Kind: EventRequest, Op: operations[op], Name: aws.ToString(name), Began: began}
	if err != nil {
		event.Err = sentinels.Bare(err)
	}
	c.tell(ctx, event)
}

func (r *reported) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	began := r.cache().beganAt()
	out, err := r.api.DescribeSecret(ctx, in, append(optFns, answer.Limit(answer.OneSecret))...)
	r.cache().requested(ctx, describeSecret, in.SecretId, began, err)
	return out, err
}

func (r *reported) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	began := r.cache().beganAt()
	out, err := r.api.GetSecretValue(ctx, in, append(optFns, answer.Limit(answer.OneSecret))...)
	r.cache().requested(ctx, getSecretValue, in.SecretId, began, err)
	return out, err
}

func (r *reported) BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	began := r.cache().beganAt()
	out, err := r.api.BatchGetSecretValue(ctx, in, append(optFns, answer.Limit(answer.ManySecrets))...)
	r.cache().requested(ctx, batchGetSecretValue, nil, began, err)
	return out, err
}

func (r *reported) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	began := r.cache().beganAt()
	out, err := r.api.CreateSecret(ctx, in, append(optFns, answer.Limit(answer.OneSecret))...)
	r.cache().requested(ctx, createSecret, in.Name, began, err)
	return out, err
}
