package reader_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.uber.org/goleak"

	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const name = "prod/formbridge/t_abc123/hmac_key"

// stored returns a backend with one secret, written once per text.
func stored(t *testing.T, texts ...string) *secretstest.Backend {
	t.Helper()
	b := secretstest.New()
	_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: &texts[0]})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts[1:] {
		if _, err := b.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: &text}); err != nil {
			t.Fatal(err)
		}
	}
	b.ClearCalls()
	return b
}

func operations(b *secretstest.Backend) []string {
	var names []string
	for _, call := range b.Calls() {
		names = append(names, call.Operation)
	}
	return names
}

func describe(t *testing.T, l reader.Load) reader.Description {
	t.Helper()
	d, err := l.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLoadReadsBothVersionsOfOneDescription(t *testing.T) {
	oldest, newest := rand.Text(), rand.Text()
	b := stored(t, oldest, newest)
	l := reader.Begin(b, name)
	d := describe(t, l)

	// A rotation between the description and the values must not be seen.
	if _, err := b.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String(rand.Text())}); err != nil {
		t.Fatal(err)
	}
	b.ClearCalls()

	current, err := l.Current(t.Context())
	if err != nil || current.Text != newest || current.ID != d.Current || current.Created.IsZero() {
		t.Errorf("current: version %s of %v, error %v", current.ID, d, err)
	}
	previous, err := l.Previous(t.Context())
	if err != nil || previous.Text != oldest || previous.ID != d.Previous {
		t.Errorf("previous: version %s of %v, error %v", previous.ID, d, err)
	}
	if got, want := operations(b), []string{"GetSecretValue", "GetSecretValue"}; !slices.Equal(got, want) {
		t.Errorf("calls after Describe = %v, want %v", got, want)
	}
}

func TestDescription(t *testing.T) {
	b := secretstest.New()
	_, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	d := describe(t, reader.Begin(b, name))
	if d.Name != name || d.ARN == "" || d.Current != "" || d.Previous != "" || d.Deleted {
		t.Errorf("a secret without a value: %+v", d)
	}
	if _, err := b.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	if d := describe(t, reader.Begin(b, name)); !d.Deleted {
		t.Errorf("a deleted secret: %+v", d)
	}
}

func TestLoadErrors(t *testing.T) {
	binary := secretstest.New()
	_, err := binary.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretBinary: []byte{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	throttled := secretstest.Throttling()
	for _, tc := range []struct {
		name   string
		api    reader.API
		read   func(reader.Load, context.Context) (reader.Version, error)
		expect error
	}{
		{name: "no AWSPREVIOUS", api: stored(t, rand.Text()), read: reader.Load.Previous, expect: reader.ErrNoVersion},
		{name: "binary", api: binary, read: reader.Load.Current, expect: reader.ErrNotText},
		{name: "another version", api: tampering{stored(t, rand.Text()), func(out *secretsmanager.GetSecretValueOutput) { out.VersionId = aws.String(rand.Text()) }}, read: reader.Load.Current, expect: reader.ErrForeign},
		{name: "another name", api: tampering{stored(t, rand.Text()), func(out *secretsmanager.GetSecretValueOutput) { out.Name = aws.String(name + "x") }}, read: reader.Load.Current, expect: reader.ErrForeign},
		{name: "another ARN", api: tampering{stored(t, rand.Text()), func(out *secretsmanager.GetSecretValueOutput) { *out.ARN += "x" }}, read: reader.Load.Current, expect: reader.ErrForeign},
		{name: "the API's own", api: failing{stored(t, rand.Text()), throttled}, read: reader.Load.Current, expect: throttled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := reader.Begin(tc.api, name)
			describe(t, l)
			v, err := tc.read(l, t.Context())
			if !errors.Is(err, tc.expect) || v.Text != "" || (v.Binary != "") != errors.Is(tc.expect, reader.ErrNotText) {
				t.Errorf("error = %v, want %v, and bytes where it is ErrNotText", err, tc.expect)
			}
		})
	}
}

// tampering changes the answer to GetSecretValue.
type tampering struct {
	reader.API
	change func(*secretsmanager.GetSecretValueOutput)
}

func (a tampering) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := a.API.GetSecretValue(ctx, in)
	if err == nil {
		a.change(out)
	}
	return out, err
}

// failing answers GetSecretValue with an error.
type failing struct {
	reader.API
	err error
}

func (a failing) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return nil, a.err
}

// silent answers with neither an output nor an error.
type silent struct{}

func (silent) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return nil, nil
}

func (silent) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return nil, nil
}

func TestNoOutputIsAnError(t *testing.T) {
	if _, err := reader.Begin(silent{}, name).Describe(t.Context()); err == nil {
		t.Error("Describe of nothing succeeded")
	}
	l := reader.Begin(failing{stored(t, rand.Text()), nil}, name)
	describe(t, l)
	if _, err := l.Current(t.Context()); err == nil {
		t.Error("Current of nothing succeeded")
	}
}
