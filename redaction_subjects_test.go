package tenantsecrets_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// shape is a value as somebody's program may hold and print it.
type shape struct {
	name  string
	value any
}

type (
	exported[T any]   struct{ V T }
	unexported[T any] struct{ v T }
	nested[T any]     struct {
		Name  string
		Inner unexported[T]
		Ptr   *unexported[T]
		inner exported[T]
		ptr   *exported[T]
	}
	failure[T any] struct {
		V T
		v T
	}
)

func (failure[T]) Error() string { return "it failed" }

func shapesOf[T any](v T) []shape {
	p := &v
	shapes := []shape{
		{"value", v},
		{"pointer", p},
		{"pointer to a pointer", &p},
		{"exported field", exported[T]{v}},
		{"unexported field", unexported[T]{v}},
		{"pointer to an exported field", &exported[T]{v}},
		{"pointer to an unexported field", &unexported[T]{v}},
		{"pointer in an exported field", exported[*T]{p}},
		{"pointer in an unexported field", unexported[*T]{p}},
		{"any in an exported field", exported[any]{v}},
		{"any in an unexported field", unexported[any]{v}},
		{"pointer in any in an unexported field", &unexported[any]{p}},
		{"nested", nested[T]{"name", unexported[T]{v}, &unexported[T]{v}, exported[T]{v}, &exported[T]{v}}},
		{"pointer to nested", &nested[T]{"name", unexported[T]{v}, &unexported[T]{v}, exported[T]{v}, &exported[T]{v}}},
		{"slice", []T{v}},
		{"slice of pointers", []*T{p}},
		{"slice of any", []any{v, p}},
		{"slice of fields", []unexported[T]{{v}}},
		{"slice in an unexported field", unexported[[]T]{[]T{v}}},
		{"array", [1]T{v}},
		{"pointer to an array", &[1]T{v}},
		{"array in an unexported field", unexported[[1]T]{[1]T{v}}},
		{"map", map[string]T{"k": v}},
		{"map of pointers", map[string]*T{"k": p}},
		{"map of any", map[string]any{"k": v}},
		{"map in an unexported field", unexported[map[string]T]{map[string]T{"k": v}}},
		{"map key, by pointer", map[*T]string{p: "v"}},
		{"channel", make(chan T, 1)},
		{"function", func() T { return v }},
		{"error", failure[T]{v, v}},
		{"pointer to an error", &failure[T]{v, v}},
		{"wrapped error", fmt.Errorf("wrapped: %w", failure[T]{v, v})},
	}
	if reflect.ValueOf(v).Comparable() {
		shapes = append(shapes, shape{"map key", map[any]string{v: "v"}})
	}
	if s, ok := any(v).(fmt.Stringer); ok {
		shapes = append(shapes,
			shape{"interface in an exported field", exported[fmt.Stringer]{s}},
			shape{"interface in an unexported field", unexported[fmt.Stringer]{s}})
	}
	if err, ok := any(v).(error); ok {
		shapes = append(shapes, shape{"wrapped", fmt.Errorf("wrapped: %w", err)})
	}
	return shapes
}

// subject is something of the library that holds a secret.
type subject struct {
	name   string
	shapes []shape
}

func subjectOf[T any](name string, v T) subject { return subject{name, shapesOf(v)} }

// Types that have the methods of what they embed.
type (
	withValue   struct{ tenantsecrets.Value }
	withKeyring struct {
		Name string
		tenantsecrets.Keyring
	}
	withSecret struct{ *tenantsecrets.TenantSecret }
	withKey    struct{ tenantsecrets.APIKey }
	withClient struct{ *tenantsecrets.Client }
)

// subjectsOf returns everything that can hold a secret, holding this one.
func subjectsOf(t testing.TB, secret string) []subject {
	t.Helper()
	ctx, b := context.Background(), secretstest.New()
	apiKey, err := json.Marshal(map[string]string{"tenant_id": tenant, "api_key": secret})
	if err != nil {
		t.Fatal(err)
	}
	const destinations = "prod/formbridge/t_abc123/destinations/webhook1/"
	store(t, b, hmacName, document(t, map[string]any{"shared_secret": secret}))
	store(t, b, destinations+"hmac_key", document(t, map[string]any{"shared_secret": secret}))
	store(t, b, destinations+"api_key", string(apiKey))

	c := newClient(t, hidden{func() tenantsecrets.API { return b }}, func(o *tenantsecrets.Options) {
		o.Logger = slog.New(slog.DiscardHandler)
	})
	s, err := c.TenantSecret(ctx, tenant)
	if err != nil {
		t.Fatal(err)
	}
	key, err := tenantsecrets.Get(ctx, c, tenant, tenantsecrets.DestinationAPIKey("webhook1"))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := tenantsecrets.Get(ctx, c, tenant, tenantsecrets.DestinationHMACKey("webhook1"))
	if err != nil {
		t.Fatal(err)
	}
	return []subject{
		subjectOf("Value", tenantsecrets.NewValue(secret)),
		subjectOf("WebhookSecret", s.WebhookSecret()),
		subjectOf("Keyring", keyringOf(t, secret)),
		subjectOf("a destination's Keyring", keyring),
		subjectOf("*TenantSecret", s),
		subjectOf("TenantSecret", *s),
		subjectOf("APIKey", key),
		subjectOf("*Client", c),
		subjectOf("Client", *c),
		{"embedded", slices.Concat(
			embedded("Value", withValue{tenantsecrets.NewValue(secret)}),
			embedded("Keyring", withKeyring{"name", keyring}),
			embedded("*TenantSecret", withSecret{s}),
			embedded("APIKey", withKey{key}),
			embedded("*Client", withClient{c}),
		)},
	}
}

func embedded[T any](name string, v T) []shape {
	return []shape{{name, v}, {name + " by pointer", &v}, {name + " in a field", unexported[T]{v}}}
}

// hidden is an API that printers cannot look through: what the backend holds is
// not the client's.
type hidden struct{ api func() tenantsecrets.API }

func (h hidden) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return h.api().DescribeSecret(ctx, in, optFns...)
}

func (h hidden) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return h.api().GetSecretValue(ctx, in, optFns...)
}

func (h hidden) BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	return h.api().BatchGetSecretValue(ctx, in, optFns...)
}

func (h hidden) CreateSecret(ctx context.Context, in *secretsmanager.CreateSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.CreateSecretOutput, error) {
	return h.api().CreateSecret(ctx, in, optFns...)
}
