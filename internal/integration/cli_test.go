package integration

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
)

// TestCLIReadsWhatCreateTenantWrote reads document and tags back with the AWS CLI.
func TestCLIReadsWhatCreateTenantWrote(t *testing.T) {
	eachServer(t, func(t *testing.T, at endpoint) {
		path, _ := exec.LookPath("aws")
		cli := need(t, path, "the AWS CLI is not installed: pip install awscli")
		ctx, tenant := bounded(t), newTenant()
		s, err := newClient(t, connect(t, at)).CreateTenant(ctx, tenant, func(o *tenantsecrets.CreateOptions) {
			o.Description = "HMAC secret"
			o.Tags = map[string]string{"CostCenter": "42"}
		})
		if err != nil {
			t.Fatal(err)
		}

		var value struct {
			Name, SecretString string
			VersionID          string `json:"VersionId"`
		}
		run(ctx, t, cli, at, &value, "get-secret-value", "--secret-id", hmacName(tenant), "--version-stage", "AWSCURRENT")
		if value.Name != hmacName(tenant) || value.VersionID != s.VersionID() {
			t.Errorf("get-secret-value: name %q, version %q", value.Name, value.VersionID)
		}
		compareDocument(t, value.SecretString, tenant, s)

		var described struct {
			Description string
			Tags        []struct{ Key, Value string }
		}
		run(ctx, t, cli, at, &described, "describe-secret", "--secret-id", hmacName(tenant))
		tags := map[string]string{}
		for _, tag := range described.Tags {
			tags[tag.Key] = tag.Value
		}
		want := map[string]string{
			"TenantId": tenant, "SecretType": "hmac_key", "Environment": "prod", "Service": "formbridge", "CostCenter": "42",
		}
		if !maps.Equal(tags, want) || described.Description != "HMAC secret" {
			t.Errorf("describe-secret: %+v, want the tags %v", described, want)
		}
	})
}

func compareDocument(t *testing.T, text, tenant string, s *tenantsecrets.TenantSecret) {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal("the stored document is not JSON") // without the error, which may quote it
	}
	secret, _ := document["shared_secret"].(string)
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(raw) != 32 {
		t.Error("shared_secret is not 32 bytes in base64url")
	}
	if !s.Secret().Equal(tenantsecrets.NewValue(secret)) {
		t.Error("shared_secret is not the one that CreateTenant returned")
	}
	delete(document, "shared_secret")
	want := map[string]any{
		"created_at": s.CreatedAt().Format(time.RFC3339),
		"tenant_id":  tenant,
		"version":    "1.0",
		"kid":        s.VersionID(),
		"previous":   []any{},
		"base":       "",
	}
	if got, expected := canonical(t, document), canonical(t, want); got != expected {
		t.Errorf("document = %s, want %s", got, expected)
	}
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run calls the CLI against the server and decodes what it prints.
func run(ctx context.Context, t *testing.T, cli string, at endpoint, into any, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, cli, slices.Concat(
		[]string{"--endpoint-url", at.url, "--region", "eu-central-1", "--output", "json", "secretsmanager"}, arguments)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isAWS),
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws %s: %v", arguments[0], err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("aws %s printed no JSON", arguments[0])
	}
}

// isAWS tells whether a variable configures the CLI.
func isAWS(variable string) bool { return len(variable) > 4 && variable[:4] == "AWS_" }
