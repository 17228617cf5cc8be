package interop_test

import (
	crand "crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// stored is an HMAC secret of the tenant as it is stored, with keys of which the
// newest is first.
func stored(t testing.TB, name string, secrets ...string) *secretsmanager.CreateSecretInput {
	t.Helper()
	key := func(secret string) map[string]any {
		return map[string]any{"shared_secret": secret, "kid": crand.Text(), "created_at": time.Now().UTC().Format(time.RFC3339)}
	}
	document := key(secrets[0])
	previous := []map[string]any{}
	for _, secret := range secrets[1:] {
		previous = append(previous, key(secret))
	}
	document["tenant_id"], document["version"], document["base"], document["previous"] = tenant, "1.0", "", previous
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: aws.String(string(text))}
}
