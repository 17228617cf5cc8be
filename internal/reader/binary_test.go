package reader_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/reader"
)

// checkBytes wants the bytes of [binary], and the error for those who want text. A reader
// whose description comes of the value says so there, too.
func checkBytes(t *testing.T, l reader.Load) {
	t.Helper()
	if _, err := l.Describe(t.Context()); err != nil && !errors.Is(err, reader.ErrNotText) {
		t.Fatal(err)
	}
	v, err := l.Current(t.Context())
	if !errors.Is(err, reader.ErrNotText) || v.Text != "" || v.Binary != "\x00\x01" || v.ID == "" || v.Created.IsZero() {
		t.Errorf("version %s with %d bytes, error %v", v.ID, len(v.Binary), err)
	}
}

func TestEachReaderReadsBytes(t *testing.T) {
	checkBytes(t, reader.Begin(binary(t), name))
	checkBytes(t, reader.Values(binary(t), name))
}

// Text and bytes at once, and neither, are nothing that Secrets Manager stores: not text.
func TestTextAndBytesAtOnce(t *testing.T) {
	text, bytes := rand.Text(), []byte(rand.Text())
	both := func(out *secretsmanager.GetSecretValueOutput) { out.SecretBinary = bytes }
	neither := func(out *secretsmanager.GetSecretValueOutput) { out.SecretString = nil }
	for what, l := range map[string]reader.Load{
		"Begin":  reader.Begin(tampering{stored(t, text), both}, name),
		"Values": reader.Values(tampering{stored(t, text), both}, name),
	} {
		_, _ = l.Describe(t.Context())
		if v, err := l.Current(t.Context()); !errors.Is(err, reader.ErrNotText) || v.Text != text || v.Binary != string(bytes) {
			t.Errorf("%s of both: error %v, want ErrNotText beside both", what, err)
		}
	}
	for what, l := range map[string]reader.Load{
		"Begin":  reader.Begin(tampering{stored(t, text), neither}, name),
		"Values": reader.Values(tampering{stored(t, text), neither}, name),
	} {
		_, _ = l.Describe(t.Context())
		if v, err := l.Current(t.Context()); !errors.Is(err, reader.ErrNotText) || v.Text != "" || v.Binary != "" {
			t.Errorf("%s of neither: error %v, want ErrNotText", what, err)
		}
	}
}
