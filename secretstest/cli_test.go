package secretstest_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// TestAWSCLI has a client that shares no code with this package write and read.
func TestAWSCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil || testing.Short() {
		t.Skip("needs the AWS CLI, and seconds")
	}
	server := httptest.NewServer(secretstest.New().Handler())
	defer server.Close()
	run := func(args ...string) map[string]any {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", server.URL, "secretsmanager"}, args...)...)
		cmd.Env = append(cliEnvironment(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY="+token(), "AWS_DEFAULT_REGION=eu-west-1")
		out, err := cmd.Output()
		must(t, err)
		var answer map[string]any
		must(t, json.Unmarshal(out, &answer))
		return answer
	}
	val := token()
	made := run("create-secret", "--name", "prod/app/key", "--secret-string", val, "--tags", `[{"Key":"TenantId","Value":"t_1"}]`)
	if arn, _ := made["ARN"].(string); !strings.HasPrefix(arn, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/app/key-") {
		t.Errorf("made %v", made)
	}
	if got := run("get-secret-value", "--secret-id", "prod/app/key"); got["SecretString"] != val || got["VersionId"] != made["VersionId"] {
		t.Error("not the secret that was made")
	}
	if got := run("list-secrets", "--filters", "Key=tag-value,Values=t_1", "--page-size", "1"); len(got["SecretList"].([]any)) != 1 {
		t.Errorf("listed %v", got)
	}
}

// cliEnvironment is this process's, without any configuration of AWS tools.
func cliEnvironment() []string {
	env := []string{"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_PAGER="}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") {
			env = append(env, v)
		}
	}
	return env
}
