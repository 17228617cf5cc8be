package secretstest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyrand "github.com/aws/smithy-go/rand"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// operation is one operation of the service, for both ways in: methods of
// Backend and HTTP.
type operation[In, Out any] struct {
	name     string
	check    func(*checks, *In)                // the constraints of the service model
	subject  func(*In) Call                    // what the call log and the faults see
	token    func(*In) **string                // the ClientRequestToken member; nil: there is none
	noToken  func(message string) error        // the refusal of a request without; nil: invalidRequest
	metadata func(*Out) *middleware.Metadata   // where the SDK puts the request id
	run      func(*request, *In) (*Out, error) // the effect, with the backend locked
}

// origin tells where a call comes from.
type origin struct {
	caller caller
	region string
	http   bool
}

// arrival is a call as it reached the service, and what is to go wrong with it.
type arrival struct {
	origin
	call Call
	plan plan
}

// invoke makes a call in process, with what the SDK's client does around it.
func (op *operation[In, Out]) invoke(ctx context.Context, b *Backend, in *In) (*Out, error) {
	if in == nil {
		in = new(In)
	}
	if err := op.prepare(ctx, in); err != nil {
		return nil, &smithy.OperationError{ServiceID: serviceID, OperationName: op.name, Err: err}
	}
	out, err := op.perform(ctx, b, b.inProcess(), asSent(in))
	id := newUUID()
	if err != nil {
		return nil, sdkError(op.name, id, err)
	}
	*op.metadata(out) = answerMetadata(ctx, id, b.clock())
	return out, nil
}

// answerMetadata is what the SDK's client notes about an answer: the request id
// and the server's time, by the Date header to the second.
func answerMetadata(ctx context.Context, requestID string, now time.Time) middleware.Metadata {
	answer := middleware.DeserializeHandlerFunc(func(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
		header := http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
		return middleware.DeserializeOutput{RawResponse: &smithyhttp.Response{Response: &http.Response{Header: header}}}, middleware.Metadata{}, nil
	})
	var timing awsmiddleware.RecordResponseTiming
	_, metadata, _ := timing.HandleDeserialize(ctx, middleware.DeserializeInput{}, answer) // fails only if answer does
	awsmiddleware.SetRequestIDMetadata(&metadata, requestID)
	return metadata
}

// prepare does what the SDK does before a request is sent. Like the SDK it
// writes the token it makes into the caller's input, so that an input used
// twice repeats its token here too.
func (op *operation[In, Out]) prepare(ctx context.Context, in *In) error {
	if err := op.checked(in).missingParams(op.name + "Input"); err != nil {
		return err
	}
	if op.token != nil {
		if token := op.token(in); *token == nil {
			id := newUUID()
			*token = &id
		}
	}
	return ctx.Err() // bare, as the SDK returns it when nothing was sent
}

// perform does one call as the service sees it, and logs it.
func (op *operation[In, Out]) perform(ctx context.Context, b *Backend, from origin, in *In) (*Out, error) {
	call := op.subject(in)
	call.Operation, call.HTTP, call.At = op.name, from.http, b.clock()
	logged := b.calls.add(call)
	// What stays in the log if a rotation function or a hook panics: no answer.
	ended := errPanicked
	defer func() { b.calls.finish(logged, ended) }()
	out, err := op.attempt(ctx, b, arrival{from, call, b.faults.plan(call, from)}, in)
	ended = err
	return out, err
}

var errPanicked = errors.New("a function given to the backend panicked")

func (op *operation[In, Out]) attempt(ctx context.Context, b *Backend, a arrival, in *In) (*Out, error) {
	if err := wait(ctx, a.plan.delay); err != nil {
		return nil, err
	}
	if a.plan.err != nil {
		return nil, a.plan.err
	}
	out, err := op.apply(ctx, b, a, in)
	if a.plan.lostAnswer {
		return nil, ConnectionReset()
	}
	return out, err
}

// apply does what the call asks for, and what that sets off.
func (op *operation[In, Out]) apply(ctx context.Context, b *Backend, a arrival, in *In) (*Out, error) {
	if err := op.checked(in).err(); err != nil {
		return nil, err
	}
	if err := op.hasToken(in); err != nil {
		return nil, err
	}
	out, then, err := op.locked(b, a, in)
	if then == nil {
		return out, err
	}
	if err := then(ctx, b); err != nil {
		return nil, err
	}
	return out, err
}

func (op *operation[In, Out]) hasToken(in *In) error {
	const message = "You must provide a ClientRequestToken value. We recommend a UUID-type value."
	switch {
	case op.token == nil || *op.token(in) != nil:
		return nil
	case op.noToken != nil:
		return op.noToken(message)
	}
	return invalidRequest(message)
}

// locked runs the operation with the backend locked. What is to happen after
// that, if anything, comes with the answer.
func (op *operation[In, Out]) locked(b *Backend, a arrival, in *In) (*Out, func(context.Context, *Backend) error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, id := b.clock(), subjectOf(a.call)
	r := &request{backend: b, arrival: a, vault: b.vaultFor(a.origin, id), now: now, asOf: now.Add(-a.plan.staleBy)}
	if err := r.authorize(op.name, id); err != nil {
		return nil, nil, err
	}
	out, err := op.run(r, in)
	return out, r.then, err
}

func (op *operation[In, Out]) checked(in *In) *checks {
	c := &checks{}
	op.check(c, in)
	return c
}

// wait blocks for d, or until the context ends.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return canceled(ctx)
	}
}

// canceled is the SDK's error of a call whose context has ended, or nil.
func canceled(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &smithy.CanceledError{Err: err}
	}
	return nil
}

// newUUID makes a version 4 UUID, the form of the SDK's tokens and of the
// service's request ids.
func newUUID() string {
	id, _ := smithyrand.NewUUID(rand.Reader).GetUUID() // crypto/rand.Reader never fails
	return id
}
