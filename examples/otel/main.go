// Otel makes OpenTelemetry metrics and spans, and an audit log, of what a client
// does. The adapter to copy is in adapter.go; it has a module of its own, so that
// who uses the library does not get OpenTelemetry with it.
//
//	cd examples/otel && go run .
//
// It runs on a Secrets Manager in memory, keeps what is recorded in memory too, and
// prints a short form of it.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func main() {
	if err := run(context.Background(), os.Stdout, secretstest.New()); err != nil {
		log.Fatal(err)
	}
}

// run lets a service work, with its audit log on out, and prints what was recorded.
func run(ctx context.Context, out io.Writer, api tenantsecrets.API) error {
	fmt.Fprintln(out, "audit log")
	s, err := newService(api, auditLog(out))
	if err != nil {
		return err
	}
	defer s.client.Close()
	if err := s.work(ctx); err != nil {
		return err
	}
	metrics, err := s.collect(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nspans")
	printSpans(out, s.spans.Ended())
	fmt.Fprintln(out, "\nmetrics")
	printMetrics(out, metrics)
	return nil
}

// auditLog leaves out what differs from run to run: an error has the request's id.
func auditLog(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if slices.Contains([]string{slog.TimeKey, "version", "error"}, a.Key) {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// service has a client, spans of its own, and everything that is recorded.
type service struct {
	client *tenantsecrets.Client
	tracer trace.Tracer
	spans  *tracetest.SpanRecorder // a batch processor with an exporter in production
	reader *sdkmetric.ManualReader // a periodic reader with an exporter in production
}

// newService wires the adapter in: before the client, for what happens, and after
// it, for what is held.
func newService(api tenantsecrets.API, auditLog *slog.Logger, more ...observer) (*service, error) {
	s := &service{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	traces := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans))
	s.tracer = traces.Tracer("service")
	a, err := newAdapter(traces, sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.reader)))
	if err != nil {
		return nil, err
	}
	naming := tenantsecrets.Naming{Environment: "prod", Service: "formbridge"}
	s.client, err = tenantsecrets.New(api, naming, func(o *tenantsecrets.Options) {
		o.Observe = all(append(more, a.observe, audit(auditLog))...)
	})
	if err != nil {
		return nil, err
	}
	_, err = a.watch(s.client)
	return s, err
}

// work creates a tenant, and verifies what it, a forger and a stranger would send.
func (s *service) work(ctx context.Context) error {
	body := []byte(`{"event":"form.submitted","id":42}`)
	signature, err := s.onboard(ctx, "t_abc123", body)
	if err != nil {
		return err
	}
	forged := strings.Repeat("0", len(signature))
	s.receive(ctx, "t_abc123", body, signature)
	s.receive(ctx, "t_abc123", body, forged)
	s.receive(ctx, "t_nobody", body, signature)
	s.receive(ctx, "../t_abc123", body, signature)
	return nil
}

// onboard creates a tenant, and signs as it would.
func (s *service) onboard(ctx context.Context, tenant string, body []byte) (string, error) {
	ctx, span := s.tracer.Start(ctx, "onboard")
	defer span.End()
	created, err := s.client.CreateTenant(ctx, tenant)
	if err != nil {
		return "", err
	}
	return tenantsecrets.SignHMAC(created.Keys(), body)
}

// receive is a web server's handler, as far as it matters here: a span around the
// call. What it would answer is in ../webhook.
func (s *service) receive(ctx context.Context, tenant string, body []byte, signature string) {
	ctx, span := s.tracer.Start(ctx, "POST /webhooks/{tenant}", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	_ = s.client.VerifyHMAC(ctx, tenant, body, signature)
}

func (s *service) collect(ctx context.Context) ([]metricdata.Metrics, error) {
	var collected metricdata.ResourceMetrics
	if err := s.reader.Collect(ctx, &collected); err != nil {
		return nil, err
	}
	var metrics []metricdata.Metrics
	for _, scope := range collected.ScopeMetrics {
		metrics = append(metrics, scope.Metrics...)
	}
	return metrics, nil
}

// printSpans prints each trace in the order in which their first spans ended.
func printSpans(out io.Writer, spans []sdktrace.ReadOnlySpan) {
	for _, root := range spans {
		if root.Parent().IsValid() {
			continue
		}
		fmt.Fprintln(out, describe(root))
		for _, child := range spans {
			if child.Parent().SpanID() == root.SpanContext().SpanID() {
				fmt.Fprintln(out, "  "+describe(child))
			}
		}
	}
}

// describe leaves out what differs from run to run.
func describe(span sdktrace.ReadOnlySpan) string {
	text := span.Name()
	attributes := attribute.NewSet(span.Attributes()...)
	for _, key := range []attribute.Key{keyTenant, keyOutcome, keyError} {
		if value, there := attributes.Value(key); there {
			text += " " + value.AsString()
		}
	}
	return text
}

func printMetrics(out io.Writer, metrics []metricdata.Metrics) {
	var lines []string
	for _, m := range metrics {
		for _, point := range points(m) {
			lines = append(lines, m.Name+point)
		}
	}
	slices.Sort(lines)
	fmt.Fprintln(out, strings.Join(lines, "\n"))
}

// points prints counts, and no durations: those differ from run to run.
func points(m metricdata.Metrics) (lines []string) {
	switch data := m.Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			lines = append(lines, fmt.Sprintf("{%s} %d", values(p.Attributes), p.Count))
		}
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			lines = append(lines, fmt.Sprintf(" %d", p.Value))
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			lines = append(lines, fmt.Sprintf(" %d", p.Value))
		}
	}
	return lines
}

// values are an attribute set's, in the order of their keys.
func values(set attribute.Set) string {
	var texts []string
	for _, a := range set.ToSlice() {
		texts = append(texts, a.Value.String())
	}
	return strings.Join(texts, ", ")
}
