package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
)

// start runs the command and returns its address.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append(args, "-addr", "127.0.0.1:0"), out)
		_ = out.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("said %q", line)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "Secrets Manager at "))
}

// visit requests one of the command's own paths.
func visit(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	must(t, err)
	request.Close = true
	answer, err := http.DefaultTransport.RoundTrip(request)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(text)
}

// client is the real client, with an access key.
func client(t *testing.T, url, accessKey string) *secretsmanager.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	return secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: &url,
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: rand.Text()}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
		Retryer:    aws.NopRetryer{},
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes the secret s with a KMS key of its own and returns its ARN.
func create(t *testing.T, c *secretsmanager.Client, value string) *string {
	t.Helper()
	out, err := c.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("s"), SecretString: &value, KmsKeyId: aws.String("alias/shared"),
	})
	must(t, err)
	return out.ARN
}

func read(t *testing.T, c *secretsmanager.Client, id string) (string, error) {
	t.Helper()
	out, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

func TestHealth(t *testing.T) {
	url := start(t)
	if status, body := visit(t, http.MethodGet, url+"/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
	for path, method := range map[string]string{"/reset": http.MethodGet, "/healthz": http.MethodPost, "/other": http.MethodPost} {
		if status, _ := visit(t, method, url+path); status < 400 {
			t.Errorf("%s %s answers %d", method, path, status)
		}
	}
}

// TestReset shows that a reset deletes what every account has, and leaves the
// accounts as they are.
func TestReset(t *testing.T) {
	url := start(t, "-account", "AKIDFIRST=111111111111")
	first, other := client(t, url, "AKIDFIRST"), client(t, url, "AKIDOTHER")
	create(t, first, rand.Text())
	create(t, other, rand.Text())
	if status, _ := visit(t, http.MethodPost, url+"/reset"); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	for _, c := range []*secretsmanager.Client{first, other} {
		if _, err := read(t, c, "s"); !errors.As(err, new(*types.ResourceNotFoundException)) {
			t.Errorf("got %v", err)
		}
	}
	if arn := *create(t, first, rand.Text()); !strings.Contains(arn, ":111111111111:") {
		t.Errorf("made %s", arn)
	}
}

// TestTwoAccounts has two access keys see the secrets of two accounts, and one
// of them read the other's by ARN once its resource policy allows it.
func TestTwoAccounts(t *testing.T) {
	url := start(t, "-account", "AKIDFIRST=111111111111", "-account", "AKIDSECOND=222222222222", "-account", "333333333333")
	first, second, other := client(t, url, "AKIDFIRST"), client(t, url, "AKIDSECOND"), client(t, url, "AKIDOTHER")
	values := map[*secretsmanager.Client]string{first: rand.Text(), second: rand.Text(), other: rand.Text()}
	arns := make(map[*secretsmanager.Client]*string)
	for c, value := range values {
		arns[c] = create(t, c, value)
	}
	for c, account := range map[*secretsmanager.Client]string{first: "111111111111", second: "222222222222", other: "333333333333"} {
		if got, err := read(t, c, "s"); err != nil || got != values[c] || !strings.Contains(*arns[c], ":"+account+":") {
			t.Errorf("account %s: %v, ARN %s", account, err, *arns[c])
		}
	}
	var api smithy.APIError
	if _, err := read(t, second, *arns[first]); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		t.Errorf("without a policy: %v", err)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},` +
		`"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	_, err := first.PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: arns[first], ResourcePolicy: &policy})
	must(t, err)
	if got, err := read(t, second, *arns[first]); err != nil || got != values[first] {
		t.Errorf("with a policy: %v", err)
	}
	if _, err := read(t, other, *arns[first]); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		t.Errorf("a third account: %v", err)
	}
}

func TestRefusedAccounts(t *testing.T) {
	for _, args := range [][]string{
		{"-account", ""},
		{"-account", "12345678901"},
		{"-account", "=123456789012"},
		{"-account", "AKID="},
		{"-account", "AKID=12345678901x"},
		{"-account", "A/B=123456789012"},
		{"-account", "AKID=123456789012=1"},
		{"-account", "AKID=111111111111", "-account", "AKID=222222222222"},
		{"-account", "111111111111", "-account", "222222222222"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // one that is taken ends at once
		if err := run(ctx, append(args, "-addr", "127.0.0.1:0"), io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	if err := new(accounts).add("AKID=111111111111"); err != nil {
		t.Error(err)
	}
}
