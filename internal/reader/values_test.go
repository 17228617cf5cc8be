package reader_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/internal/reader"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// binary returns a backend with a secret of bytes.
func binary(t *testing.T) *secretstest.Backend {
	t.Helper()
	b := secretstest.New()
	if _, err := b.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretBinary: []byte{0, 1}}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestValuesReadOneLabelACall(t *testing.T) {
	oldest, newest := rand.Text(), rand.Text()
	b := stored(t, oldest, newest)
	l := reader.Values(b, name)
	if calls := operations(b); len(calls) > 0 {
		t.Errorf("Values calls %v", calls)
	}
	d := describe(t, l)
	if d.Name != name || d.ARN == "" || d.Current == "" || !d.Partial {
		t.Errorf("the description is %+v", d)
	}
	if d.Tags != nil || !d.Changed.IsZero() || d.Deleted || d.Previous != "" {
		t.Errorf("the description knows what no value shows: %+v", d)
	}
	current, err := l.Current(t.Context())
	if err != nil || current.Text != newest || current.ID != d.Current || current.Created.IsZero() {
		t.Errorf("current: version %s of %v, error %v", current.ID, d, err)
	}
	if got, want := operations(b), []string{"GetSecretValue"}; !slices.Equal(got, want) {
		t.Errorf("calls until the current value = %v, want %v", got, want)
	}
	previous, err := l.Previous(t.Context())
	if err != nil || previous.Text != oldest || previous.ID == d.Current || previous.Created.IsZero() {
		t.Errorf("previous: version %s, error %v", previous.ID, err)
	}
	var labels []string
	for _, call := range b.Calls() {
		labels = append(labels, call.VersionStage)
		if call.SecretID != name || call.VersionID != "" {
			t.Errorf("asked for %s, version %q", call.SecretID, call.VersionID)
		}
	}
	if want := []string{"AWSCURRENT", "AWSPREVIOUS"}; !slices.Equal(labels, want) {
		t.Errorf("labels = %v, want %v", labels, want)
	}
}

// Between the two reads somebody rotates: then the previous version is what was
// read as current, and its id says so.
func TestValuesAcrossARotation(t *testing.T) {
	b := stored(t, rand.Text(), rand.Text())
	l := reader.Values(b, name)
	d := describe(t, l)
	if _, err := b.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: aws.String(rand.Text())}); err != nil {
		t.Fatal(err)
	}
	current, _ := l.Current(t.Context())
	previous, err := l.Previous(t.Context())
	if err != nil || current.ID != d.Current || previous.ID != d.Current || previous.Text != current.Text {
		t.Errorf("current %s, previous %s, described %s, error %v", current.ID, previous.ID, d.Current, err)
	}
}

// editingSecond changes the answer to the second GetSecretValue.
func editingSecond(api reader.API, change func(*secretsmanager.GetSecretValueOutput)) reader.API {
	n := 0
	return tampering{api, func(out *secretsmanager.GetSecretValueOutput) {
		if n++; n == 2 {
			change(out)
		}
	}}
}

func TestValuesErrors(t *testing.T) {
	two := func() reader.API { return stored(t, rand.Text(), rand.Text()) }
	throttled, absent := secretstest.Throttling(), error(&types.ResourceNotFoundException{})
	for _, tc := range []struct {
		name     string
		api      reader.API
		describe error
		previous error
	}{
		{name: "no such secret", api: failing{two(), absent}, describe: absent},
		{name: "binary", api: binary(t), describe: reader.ErrNotText},
		{name: "the API's own", api: failing{two(), throttled}, describe: throttled},
		{name: "no AWSPREVIOUS", api: stored(t, rand.Text()), previous: reader.ErrNoVersion},
		{name: "previous of another name", api: editingSecond(two(), func(out *secretsmanager.GetSecretValueOutput) { *out.Name += "x" }), previous: reader.ErrForeign},
		{name: "previous of no name", api: editingSecond(two(), func(out *secretsmanager.GetSecretValueOutput) { out.Name = nil }), previous: reader.ErrForeign},
		{name: "previous of another ARN", api: editingSecond(two(), func(out *secretsmanager.GetSecretValueOutput) { *out.ARN += "x" }), previous: reader.ErrForeign},
		{name: "previous of no ARN", api: editingSecond(two(), func(out *secretsmanager.GetSecretValueOutput) { out.ARN = nil }), previous: reader.ErrForeign},
		{name: "previous is binary", api: editingSecond(two(), func(out *secretsmanager.GetSecretValueOutput) {
			out.SecretBinary, out.SecretString = []byte(*out.SecretString), nil
		}), previous: reader.ErrNotText},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := reader.Values(tc.api, name)
			d, err := l.Describe(t.Context())
			if !errors.Is(err, tc.describe) {
				t.Fatalf("Describe: %v, want %v", err, tc.describe)
			}
			if tc.describe != nil {
				if d.Name != "" || d.Current != "" {
					t.Errorf("a description beside an error: %+v", d)
				}
				return
			}
			v, err := l.Previous(t.Context())
			if !errors.Is(err, tc.previous) || v.Text != "" || (v.Binary != "") != errors.Is(tc.previous, reader.ErrNotText) {
				t.Errorf("Previous: %v, want %v, and bytes where it is ErrNotText", err, tc.previous)
			}
		})
	}
}

// What is wrong with AWSPREVIOUS and is not its absence is told as it is.
func TestValuesPassOnTheErrorOfThePreviousRead(t *testing.T) {
	for _, want := range []error{secretstest.Throttling(), secretstest.AccessDenied(), secretstest.KMSDisabled()} {
		b := stored(t, rand.Text(), rand.Text())
		l := reader.Values(b, name)
		describe(t, l)
		b.Inject(secretstest.Fault{Err: want})
		if _, err := l.Previous(t.Context()); err == nil || errors.Is(err, reader.ErrNoVersion) {
			t.Errorf("%v became %v", want, err)
		}
	}
}

func TestValuesOfNothing(t *testing.T) {
	if _, err := reader.Values(silent{}, name).Describe(t.Context()); err == nil {
		t.Error("Describe of nothing succeeded")
	}
	b := stored(t, rand.Text())
	n := 0
	l := reader.Values(choosing(func() reader.ValueAPI {
		if n++; n > 1 {
			return silent{}
		}
		return b
	}), name)
	describe(t, l)
	if _, err := l.Previous(t.Context()); err == nil {
		t.Error("Previous of nothing succeeded")
	}
}

// choosing asks each time which API is to answer.
type choosing func() reader.ValueAPI

func (c choosing) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return c().GetSecretValue(ctx, in, optFns...)
}
