package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestOutput(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out, secretstest.New()); err != nil {
		t.Fatal(err)
	}
	const want = `audit log
level=INFO msg=CreateTenant tenant=t_abc123 outcome=ok
level=INFO msg=VerifyHMAC tenant=t_abc123 outcome=ok
level=WARN msg=VerifyHMAC tenant=t_abc123 outcome=mismatch
level=WARN msg=VerifyHMAC tenant=t_nobody outcome=not_found
level=WARN msg=VerifyHMAC tenant="" outcome=invalid_tenant

spans
onboard
  SecretsManager.CreateSecret
  tenantsecrets.CreateTenant t_abc123 ok
POST /webhooks/{tenant}
  tenantsecrets.VerifyHMAC t_abc123 ok
SecretsManager.DescribeSecret
tenantsecrets.Load t_abc123 ok
POST /webhooks/{tenant}
  tenantsecrets.VerifyHMAC t_abc123 mismatch
SecretsManager.DescribeSecret ResourceNotFoundException
tenantsecrets.Load t_nobody not_found
POST /webhooks/{tenant}
  tenantsecrets.VerifyHMAC t_nobody not_found
POST /webhooks/{tenant}
  tenantsecrets.VerifyHMAC invalid_tenant

metrics
tenantsecrets.bad_previous 0
tenantsecrets.call.duration{CreateTenant, ok} 1
tenantsecrets.call.duration{VerifyHMAC, invalid_tenant} 1
tenantsecrets.call.duration{VerifyHMAC, mismatch} 1
tenantsecrets.call.duration{VerifyHMAC, not_found} 1
tenantsecrets.call.duration{VerifyHMAC, ok} 1
tenantsecrets.evictions 0
tenantsecrets.held 1
tenantsecrets.hits 2
tenantsecrets.load.duration{not_found} 1
tenantsecrets.load.duration{ok} 1
tenantsecrets.malformed 0
tenantsecrets.negatives 0
tenantsecrets.request.duration{CreateSecret} 1
tenantsecrets.request.duration{DescribeSecret} 1
tenantsecrets.request.duration{ResourceNotFoundException, DescribeSecret} 1
tenantsecrets.stale 0
tenantsecrets.wrong_tenant 0
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// newTestService is closed when the test is over.
func newTestService(t *testing.T, api tenantsecrets.API, audit io.Writer, more ...observer) *service {
	t.Helper()
	s, err := newService(api, slog.New(slog.NewJSONHandler(audit, nil)), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	return s
}

// spansNamed returns those that have ended.
func (s *service) spansNamed(name string) (named []sdktrace.ReadOnlySpan) {
	for _, span := range s.spans.Ended() {
		if span.Name() == name {
			named = append(named, span)
		}
	}
	return named
}

func (s *service) metrics(t *testing.T) []metricdata.Metrics {
	t.Helper()
	metrics, err := s.collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return metrics
}

func TestCallIsAChildOfItsCallersSpan(t *testing.T) {
	s := newTestService(t, secretstest.New(), io.Discard)
	ctx, caller := s.tracer.Start(t.Context(), "caller")
	_, err := s.client.TenantSecret(ctx, "t_nobody")
	if !errors.Is(err, tenantsecrets.ErrNotFound) {
		t.Fatal(err)
	}
	for name, want := range map[string]trace.SpanContext{
		"tenantsecrets.TenantSecret":    caller.SpanContext(),
		"tenantsecrets.Load":            {}, // it may serve others too
		"SecretsManager.DescribeSecret": {},
	} {
		spans := s.spansNamed(name)
		if len(spans) != 1 {
			t.Fatalf("%s: %d spans", name, len(spans))
		}
		if got := spans[0].Parent(); !got.Equal(want) {
			t.Errorf("%s: parent %v, want %v", name, got, want)
		}
	}
}

func TestSpansHaveTheEventsOwnTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := secretstest.New()
		b.Inject(secretstest.Fault{Delay: time.Second})
		var events []tenantsecrets.Event // the calls' alone: nobody else writes then
		s := newTestService(t, b, io.Discard, func(_ context.Context, e tenantsecrets.Event) {
			if e.Kind == tenantsecrets.EventCall {
				events = append(events, e)
				time.Sleep(time.Minute) // the adapter is told late
			}
		})
		if _, err := s.client.CreateTenant(t.Context(), "t_abc123"); err != nil {
			t.Fatal(err)
		}
		span := s.spansNamed("tenantsecrets.CreateTenant")[0]
		if took := span.EndTime().Sub(span.StartTime()); took != time.Second {
			t.Errorf("the span took %v", took)
		}
		if len(events) != 1 || !span.StartTime().Equal(events[0].Began) {
			t.Errorf("the span began at %v, the events are %+v", span.StartTime(), events)
		}
	})
}

// TestMetricsDoNotKnowTenants keeps the number of series apart from that of tenants.
func TestMetricsDoNotKnowTenants(t *testing.T) {
	s := newTestService(t, secretstest.New(), io.Discard)
	if err := s.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	histograms := 0
	for _, m := range s.metrics(t) {
		if text := fmt.Sprintf("%+v", m); strings.Contains(text, "t_abc123") || strings.Contains(text, "t_nobody") {
			t.Errorf("%s knows a tenant: %s", m.Name, text)
		}
		data, ok := m.Data.(metricdata.Histogram[float64])
		if !ok {
			continue
		}
		histograms++
		for _, p := range data.DataPoints {
			for _, a := range p.Attributes.ToSlice() {
				if !slices.Contains([]attribute.Key{keyOp, keyOutcome, keyError}, a.Key) {
					t.Errorf("%s has the attribute %s", m.Name, a.Key)
				}
			}
		}
	}
	if histograms != 3 {
		t.Errorf("%d histograms, want 3", histograms)
	}
}

func TestWhatIsNoTenantIsNotRepeated(t *testing.T) {
	s := newTestService(t, secretstest.New(), io.Discard)
	_ = s.client.VerifyHMAC(t.Context(), strings.Repeat("x", 10_000), nil, strings.Repeat("0", 64))
	span := s.spansNamed("tenantsecrets.VerifyHMAC")[0]
	if text := fmt.Sprint(span.Attributes(), span.Status()); len(text) > 1000 {
		t.Errorf("the span has %d bytes", len(text))
	}
}

func TestAgeOfWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestService(t, secretstest.New(), io.Discard)
		if _, err := s.client.CreateTenant(t.Context(), "t_abc123"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for _, m := range s.metrics(t) {
			if m.Name != "tenantsecrets.oldest" {
				continue
			}
			if got := m.Data.(metricdata.Gauge[float64]).DataPoints[0].Value; got != 60 {
				t.Errorf("oldest = %v s", got)
			}
			return
		}
		t.Error("there is no tenantsecrets.oldest")
	})
}

// TestNothingSecret looks for the key and the signatures in everything that is
// recorded, in full.
func TestNothingSecret(t *testing.T) {
	var auditLog strings.Builder
	s := newTestService(t, secretstest.New(), &auditLog)
	if err := s.work(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret, err := s.client.TenantSecret(t.Context(), "t_abc123")
	if err != nil {
		t.Fatal(err)
	}
	signature, err := tenantsecrets.SignHMAC(secret.Keys(), []byte(`{"event":"form.submitted","id":42}`))
	if err != nil {
		t.Fatal(err)
	}
	recorded := auditLog.String() + fmt.Sprintf("%+v", s.metrics(t))
	for _, span := range s.spans.Ended() {
		recorded += fmt.Sprintf("%s %+v %+v %+v\n", span.Name(), span.Attributes(), span.Events(), span.Status())
	}
	if !strings.Contains(recorded, "t_abc123") || !strings.Contains(recorded, secret.VersionID()) {
		t.Fatal("nothing was recorded")
	}
	for what, text := range map[string]string{
		"the secret": secret.Secret().Reveal(), "the whsec_ form": strings.TrimPrefix(secret.WebhookSecret().Reveal(), "whsec_"),
		"the signature": signature, "the forged signature": strings.Repeat("0", 64),
	} {
		if strings.Contains(recorded, text) {
			t.Errorf("%s was recorded", what)
		}
	}
}

// TestOutcomes has what is several errors at once.
func TestOutcomes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	forged := strings.Repeat("0", 64)
	outage := secretstest.Fault{Err: secretstest.InternalError()}
	for want, call := range map[string]func(*service, *secretstest.Backend) error{
		"ok": func(s *service, _ *secretstest.Backend) error {
			_, err := s.client.TenantSecret(t.Context(), "t_abc123")
			return err
		},
		"signature": func(s *service, _ *secretstest.Backend) error {
			return s.client.VerifyHMAC(t.Context(), "t_abc123", nil, "none")
		},
		"mismatch": func(s *service, _ *secretstest.Backend) error {
			return s.client.VerifyHMAC(t.Context(), "t_abc123", nil, forged)
		},
		"not_found": func(s *service, _ *secretstest.Backend) error {
			return s.client.VerifyHMAC(t.Context(), "t_nobody", nil, forged)
		},
		"canceled": func(s *service, b *secretstest.Backend) error {
			defer b.Inject(secretstest.Fault{Delay: time.Second})()
			return s.client.VerifyHMAC(ctx, "t_nobody", nil, forged)
		},
		"unavailable": func(s *service, b *secretstest.Backend) error {
			defer b.Inject(outage)()
			return s.client.VerifyHMAC(t.Context(), "t_abc123", nil, forged)
		},
		"stale": func(s *service, b *secretstest.Backend) error {
			defer b.Inject(outage)()
			time.Sleep(2 * time.Hour)
			return s.client.VerifyHMAC(t.Context(), "t_abc123", nil, forged)
		},
		"exists": func(s *service, _ *secretstest.Backend) error {
			_, err := s.client.CreateTenant(t.Context(), "t_abc123")
			return err
		},
		"closed": func(s *service, _ *secretstest.Backend) error {
			s.client.Close()
			return s.client.VerifyHMAC(t.Context(), "t_abc123", nil, forged)
		},
		"error": func(*service, *secretstest.Backend) error { return errors.New("of somebody else") },
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := secretstest.New()
				s := newTestService(t, b, io.Discard)
				if _, err := s.client.CreateTenant(t.Context(), "t_abc123"); err != nil {
					t.Fatal(err)
				}
				if err := call(s, b); outcomeOf(err).name != want {
					t.Errorf("%v is %s", err, outcomeOf(err).name)
				}
			})
		})
	}
}

// TestStatus: who forges a signature makes no span an error; an outage does.
func TestStatus(t *testing.T) {
	b := secretstest.New()
	s := newTestService(t, b, io.Discard)
	forged := strings.Repeat("0", 64)
	for _, tenant := range []string{"t_nobody", "t_other"} {
		_ = s.client.VerifyHMAC(t.Context(), tenant, nil, forged)
		b.Inject(secretstest.Fault{Err: secretstest.InternalError()})
	}
	var got []codes.Code
	for _, span := range s.spansNamed("tenantsecrets.VerifyHMAC") {
		got = append(got, span.Status().Code)
	}
	if want := []codes.Code{codes.Unset, codes.Error}; !slices.Equal(got, want) {
		t.Errorf("status %v, want %v", got, want)
	}
}
