package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/aws/smithy-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/formbridge/tenantsecrets"
)

// scope names what records, in everything that it records.
const scope = "github.com/formbridge/tenantsecrets"

// The attributes. Metrics have the first three alone: the values of those are few.
// A tenant's id on a metric would make a series of every tenant for every op and
// outcome, and of every id that a stranger makes up; whose call it was is asked of
// the spans and of the audit log.
const (
	keyOp      = attribute.Key("tenantsecrets.op")
	keyOutcome = attribute.Key("tenantsecrets.outcome")
	keyError   = attribute.Key("error.type")

	keyTenant  = attribute.Key("tenantsecrets.tenant")
	keyName    = attribute.Key("tenantsecrets.name")
	keyVersion = attribute.Key("tenantsecrets.version")
	keyAge     = attribute.Key("tenantsecrets.age") // in seconds
)

// observer is what Options.Observe is.
type observer = func(context.Context, tenantsecrets.Event)

// all tells several observers of every event.
func all(observers ...observer) observer {
	return func(ctx context.Context, e tenantsecrets.Event) {
		for _, observe := range observers {
			observe(ctx, e)
		}
	}
}

// adapter makes metrics and spans of what one client does. What loads and requests
// there were is in the counts of their histograms.
type adapter struct {
	tracer                 trace.Tracer
	meter                  metric.Meter
	calls, loads, requests metric.Float64Histogram
}

func newAdapter(traces trace.TracerProvider, metrics metric.MeterProvider) (*adapter, error) {
	a := &adapter{tracer: traces.Tracer(scope), meter: metrics.Meter(scope)}
	for _, h := range []struct {
		to                *metric.Float64Histogram
		name, description string
	}{
		{&a.calls, "tenantsecrets.call.duration", "Calls of the client, by op and outcome."},
		{&a.loads, "tenantsecrets.load.duration", "Loads of one secret, by outcome."},
		{&a.requests, "tenantsecrets.request.duration", "Requests to Secrets Manager, by operation and error code."},
	} {
		made, err := a.meter.Float64Histogram(h.name, metric.WithDescription(h.description), metric.WithUnit("s"),
			metric.WithExplicitBucketBoundaries(boundaries...))
		if err != nil {
			return nil, err
		}
		*h.to = made
	}
	return a, nil
}

// boundaries tell an answer from memory, which takes microseconds, from a load.
// OpenTelemetry's own begin at 5.
var boundaries = []float64{1e-5, 1e-4, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// observe is for Options.Observe. It neither blocks nor panics, where the providers'
// processors and readers do not: prefer a batching one.
func (a *adapter) observe(ctx context.Context, e tenantsecrets.Event) {
	a.measure(ctx, e)
	a.trace(ctx, e)
}

func (a *adapter) measure(ctx context.Context, e tenantsecrets.Event) {
	op, outcome := keyOp.String(e.Op), keyOutcome.String(outcomeOf(e.Err).name)
	switch e.Kind {
	case tenantsecrets.EventCall:
		a.calls.Record(ctx, e.Took.Seconds(), metric.WithAttributes(op, outcome))
	case tenantsecrets.EventLoad:
		a.loads.Record(ctx, e.Took.Seconds(), metric.WithAttributes(outcome))
	case tenantsecrets.EventRequest:
		a.requests.Record(ctx, e.Took.Seconds(), metric.WithAttributes(append(errorCode(e.Err), op)...))
	}
}

// errorCode is Secrets Manager's, and nothing where there was no error.
func errorCode(err error) []attribute.KeyValue {
	var api smithy.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api):
		return []attribute.KeyValue{keyError.String(api.ErrorCode())}
	}
	return []attribute.KeyValue{keyError.String("no_answer")}
}

// trace makes a span of what is over already, with the times at which it was. ctx
// is the caller's for a call, which makes it a child of the caller's span. A load
// serves any number of calls: it has a trace of its own, and so have its requests.
func (a *adapter) trace(ctx context.Context, e tenantsecrets.Event) {
	kind := trace.SpanKindInternal
	if e.Kind == tenantsecrets.EventRequest {
		kind = trace.SpanKindClient
	}
	_, span := a.tracer.Start(ctx, spanName(e), trace.WithTimestamp(e.Began), trace.WithSpanKind(kind))
	defer span.End(trace.WithTimestamp(e.Began.Add(e.Took)))
	if !span.IsRecording() { // not sampled
		return
	}
	span.SetAttributes(attributes(e)...)
	if failed(e) {
		span.SetStatus(codes.Error, e.Err.Error()) // an Event's error holds nothing secret
	}
}

// failed tells what is an error of the span's. Of a request it is every error, as
// OpenTelemetry has it for clients.
func failed(e tenantsecrets.Event) bool {
	if e.Kind == tenantsecrets.EventRequest {
		return e.Err != nil
	}
	return !outcomeOf(e.Err).answered
}

func spanName(e tenantsecrets.Event) string {
	if e.Kind == tenantsecrets.EventRequest {
		return "SecretsManager." + e.Op
	}
	return "tenantsecrets." + e.Op
}

// attributes is what a span says of an event. A request has Secrets Manager's code
// in place of an outcome: what the code means is for the call to say.
func attributes(e tenantsecrets.Event) []attribute.KeyValue {
	said := []attribute.KeyValue{keyOp.String(e.Op)}
	for _, text := range []attribute.KeyValue{keyTenant.String(tenantOf(e)), keyName.String(e.Name), keyVersion.String(e.VersionID)} {
		if text.Value.AsString() != "" {
			said = append(said, text)
		}
	}
	if e.Kind == tenantsecrets.EventRequest {
		return append(said, errorCode(e.Err)...)
	}
	if e.Kind == tenantsecrets.EventCall && e.VersionID != "" {
		said = append(said, keyAge.Float64(e.Age.Seconds()))
	}
	return append(said, keyOutcome.String(outcomeOf(e.Err).name))
}

// tenantOf drops what is no tenant's id: it is as the caller gave it, of any length
// and content. The error quotes its beginning.
func tenantOf(e tenantsecrets.Event) string {
	if errors.Is(e.Err, tenantsecrets.ErrInvalidTenant) {
		return ""
	}
	return e.Tenant
}

// outcome is how something ended, as one of few words.
type outcome struct {
	name string
	err  error

	// answered is what is nobody's fault on this side, and no error of the span's: a
	// stranger could fill a list of errors with it.
	answered bool
}

// outcomes are tried in this order, for an error can be several. What a caller has
// not waited for is ErrUnavailable too; a signature that newer keys may have made
// is ErrMismatch and ErrUnavailable; an unknown tenant's is ErrSignature and
// ErrNotFound.
var outcomes = []outcome{
	{"canceled", context.Canceled, true},
	{"deadline", context.DeadlineExceeded, false},
	{"closed", tenantsecrets.ErrClosed, false},
	{"stale", tenantsecrets.ErrStale, false},
	{"unavailable", tenantsecrets.ErrUnavailable, false},
	{"not_found", tenantsecrets.ErrNotFound, true},
	{"mismatch", tenantsecrets.ErrMismatch, true},
	{"signature", tenantsecrets.ErrSignature, true},
	{"invalid_tenant", tenantsecrets.ErrInvalidTenant, true},
	{"pending_deletion", tenantsecrets.ErrPendingDeletion, true},
	{"suspended", tenantsecrets.ErrSuspended, true},
	{"exists", tenantsecrets.ErrExists, true},
	{"access_denied", tenantsecrets.ErrAccessDenied, false},
	{"malformed", tenantsecrets.ErrMalformed, false},
	{"wrong_tenant", tenantsecrets.ErrWrongTenant, false},
	{"no_key", tenantsecrets.ErrNoKey, false},
}

func outcomeOf(err error) outcome {
	if err == nil {
		return outcome{name: "ok", answered: true}
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o
		}
	}
	return outcome{name: "error"}
}

// counters are what no event tells. The rest of Stats is in the histograms.
var counters = []struct {
	name, description string
	of                func(*tenantsecrets.Stats) uint64
}{
	{"tenantsecrets.hits", "Calls answered from memory.", func(s *tenantsecrets.Stats) uint64 { return s.Hits }},
	{"tenantsecrets.stale", "Hits on what was older than TTL.", func(s *tenantsecrets.Stats) uint64 { return s.Stale }},
	{"tenantsecrets.negatives", "Calls refused from memory.", func(s *tenantsecrets.Stats) uint64 { return s.Negatives }},
	{"tenantsecrets.evictions", "Secrets that lost their place to others.", func(s *tenantsecrets.Stats) uint64 { return s.Evictions }},
	{"tenantsecrets.wrong_tenant", "Answers refused as another tenant's.", func(s *tenantsecrets.Stats) uint64 { return s.WrongTenant }},
	{"tenantsecrets.malformed", "Answers refused as malformed.", func(s *tenantsecrets.Stats) uint64 { return s.Malformed }},
	{"tenantsecrets.bad_previous", "Previous versions that gave no key.", func(s *tenantsecrets.Stats) uint64 { return s.BadPrevious }},
}

// gauges are the instruments of a client's Stats.
type gauges struct {
	counters []metric.Int64ObservableCounter // as in counters
	held     metric.Int64ObservableGauge
	oldest   metric.Float64ObservableGauge
}

// watch records the client's Stats whenever metrics are collected, until the
// registration that it returns is unregistered. It is called after New, for Stats
// are the client's, and the client has the adapter in its options.
func (a *adapter) watch(c *tenantsecrets.Client) (metric.Registration, error) {
	g, err := a.gauges()
	if err != nil {
		return nil, err
	}
	return a.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		g.observe(o, c.Stats()) // once for all: it looks at every secret that is held
		return nil
	}, g.all()...)
}

func (a *adapter) gauges() (*gauges, error) {
	g := &gauges{}
	for _, counter := range counters {
		made, err := a.meter.Int64ObservableCounter(counter.name, metric.WithDescription(counter.description))
		if err != nil {
			return nil, err
		}
		g.counters = append(g.counters, made)
	}
	var held, oldest error
	g.held, held = a.meter.Int64ObservableGauge("tenantsecrets.held", metric.WithDescription("Secrets that are held."))
	g.oldest, oldest = a.meter.Float64ObservableGauge("tenantsecrets.oldest",
		metric.WithDescription("Age of the oldest answer that is held."), metric.WithUnit("s"))
	return g, errors.Join(held, oldest)
}

func (g *gauges) all() []metric.Observable {
	instruments := []metric.Observable{g.held, g.oldest}
	for _, counter := range g.counters {
		instruments = append(instruments, counter)
	}
	return instruments
}

func (g *gauges) observe(o metric.Observer, s tenantsecrets.Stats) {
	for i, counter := range g.counters {
		o.ObserveInt64(counter, int64(counters[i].of(&s)))
	}
	o.ObserveInt64(g.held, int64(s.Held))
	o.ObserveFloat64(g.oldest, s.Oldest.Seconds())
}

// audit tells a log who used which tenant's secret for what, and with what result:
// the second use of the same hook. The context is the caller's, so that a handler
// can add who it was. The handler must not block.
func audit(log *slog.Logger) observer {
	return func(ctx context.Context, e tenantsecrets.Event) {
		if e.Kind != tenantsecrets.EventCall {
			return
		}
		level, outcome := slog.LevelInfo, outcomeOf(e.Err)
		said := []slog.Attr{
			slog.String("tenant", tenantOf(e)), slog.String("version", e.VersionID), slog.String("outcome", outcome.name),
		}
		if e.Err != nil {
			level, said = slog.LevelWarn, append(said, slog.Any("error", e.Err))
		}
		log.LogAttrs(ctx, level, e.Op, said...)
	}
}
