package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// version is a version as ListSecretVersionIds is to show it.
type version struct {
	id     string
	stages []string
	read   bool
}

func (c *check) listVersions(deprecated bool) *secretsmanager.ListSecretVersionIdsOutput {
	out, err := c.ListSecretVersionIds(c.ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: &c.name, IncludeDeprecated: &deprecated})
	c.must(err)
	return out
}

// versions checks the versions with a label, every member of them.
func (c *check) versions(want ...version) { c.sameVersions(c.listVersions(false), want) }

func (c *check) sameVersions(got *secretsmanager.ListSecretVersionIdsOutput, want []version) {
	if *got.Name != c.name || got.NextToken != nil {
		c.errorf("list of %s, next %v", *got.Name, got.NextToken)
	}
	if len(got.Versions) != len(want) {
		c.fatalf("%d versions, want %d", len(got.Versions), len(want))
	}
	for i, w := range want {
		v := got.Versions[i]
		if (v.LastAccessedDate != nil) != w.read || v.CreatedDate == nil {
			c.errorf("dates %v %v", v.CreatedDate, v.LastAccessedDate)
		}
		c.same("version", v, types.SecretVersionsListEntry{
			VersionId: &w.id, VersionStages: w.stages, KmsKeyIds: []string{"DefaultEncryptionKey"},
			CreatedDate: v.CreatedDate, LastAccessedDate: v.LastAccessedDate,
		})
	}
}

// current checks that a read answers a version with these labels.
func (c *check) current(id string, stages ...string) {
	got := c.get()
	c.same("current", []any{got.VersionId, got.VersionStages}, []any{id, stages})
}

var versioning = []behaviour{
	{"versions: AWSCURRENT moves to the pending version, then to a new one", recorded("test_update_secret_version_stages_current_pending"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSPENDING")
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}}, version{id: v2, stages: []string{"AWSPENDING"}})
		c.must(c.move("AWSCURRENT", v2, v1))
		c.versions(version{id: v1, stages: []string{"AWSPREVIOUS"}}, version{id: v2, stages: []string{"AWSCURRENT", "AWSPENDING"}})
		v3 := c.put(token())
		c.versions(version{id: v2, stages: []string{"AWSPREVIOUS"}}, version{id: v3, stages: []string{"AWSCURRENT"}})
	}},
	{"versions: two rotations by hand", recorded("test_update_secret_version_stages_current_pending_cycle"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSPENDING")
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}}, version{id: v2, stages: []string{"AWSPENDING"}})
		c.current(v1, "AWSCURRENT")
		c.must(c.move("AWSCURRENT", v2, v1))
		c.versions(version{v1, []string{"AWSPREVIOUS"}, true}, version{id: v2, stages: []string{"AWSCURRENT", "AWSPENDING"}})
		c.current(v2, "AWSCURRENT", "AWSPENDING")
		v3 := c.put(token(), "AWSPENDING")
		c.versions(version{v1, []string{"AWSPREVIOUS"}, true}, version{v2, []string{"AWSCURRENT"}, true}, version{id: v3, stages: []string{"AWSPENDING"}})
		c.current(v2, "AWSCURRENT")
		c.must(c.move("AWSCURRENT", v3, v2))
		c.versions(version{v2, []string{"AWSPREVIOUS"}, true}, version{id: v3, stages: []string{"AWSCURRENT", "AWSPENDING"}})
		c.current(v3, "AWSCURRENT", "AWSPENDING")
	}},
	{"versions: custom labels stay where they are", recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_1"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSPENDING", "AWSSOMETHING", "PUT1")
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}}, version{id: v2, stages: []string{"AWSPENDING", "AWSSOMETHING", "PUT1"}})
		c.current(v1, "AWSCURRENT")
		c.must(c.move("AWSCURRENT", v2, v1))
		c.versions(version{v1, []string{"AWSPREVIOUS"}, true}, version{id: v2, stages: []string{"AWSCURRENT", "AWSPENDING", "AWSSOMETHING", "PUT1"}})
		c.current(v2, "AWSCURRENT", "AWSPENDING", "AWSSOMETHING", "PUT1")
		v3 := c.put(token(), "AWSPENDING", "PUT2")
		c.versions(version{v1, []string{"AWSPREVIOUS"}, true}, version{v2, []string{"AWSCURRENT", "AWSSOMETHING", "PUT1"}, true},
			version{id: v3, stages: []string{"AWSPENDING", "PUT2"}})
		c.current(v2, "AWSCURRENT", "AWSSOMETHING", "PUT1")
		c.must(c.move("AWSCURRENT", v3, v2))
		c.versions(version{v2, []string{"AWSPREVIOUS", "AWSSOMETHING", "PUT1"}, true}, version{id: v3, stages: []string{"AWSCURRENT", "AWSPENDING", "PUT2"}})
		c.current(v3, "AWSCURRENT", "AWSPENDING", "PUT2")
	}},
	{"versions: a custom label keeps a version in the list", recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_2"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSCURRENT", "PUT0")
		c.versions(version{id: v1, stages: []string{"AWSPREVIOUS"}}, version{id: v2, stages: []string{"AWSCURRENT", "PUT0"}})
		v3 := c.put(token(), "AWSPENDING", "PUT1")
		c.versions(version{id: v1, stages: []string{"AWSPREVIOUS"}}, version{id: v2, stages: []string{"AWSCURRENT", "PUT0"}}, version{id: v3, stages: []string{"AWSPENDING", "PUT1"}})
		c.current(v2, "AWSCURRENT", "PUT0")
		c.must(c.move("AWSCURRENT", v3, v2))
		c.versions(version{v2, []string{"AWSPREVIOUS", "PUT0"}, true}, version{id: v3, stages: []string{"AWSCURRENT", "AWSPENDING", "PUT1"}})
		c.current(v3, "AWSCURRENT", "AWSPENDING", "PUT1")
		v4 := c.put(token(), "AWSPENDING", "PUT2")
		c.versions(version{v2, []string{"AWSPREVIOUS", "PUT0"}, true}, version{v3, []string{"AWSCURRENT", "PUT1"}, true}, version{id: v4, stages: []string{"AWSPENDING", "PUT2"}})
		c.current(v3, "AWSCURRENT", "PUT1")
		c.must(c.move("AWSCURRENT", v4, v3))
		c.versions(version{v2, []string{"PUT0"}, true}, version{v3, []string{"AWSPREVIOUS", "PUT1"}, true}, version{id: v4, stages: []string{"AWSCURRENT", "AWSPENDING", "PUT2"}})
		c.current(v4, "AWSCURRENT", "AWSPENDING", "PUT2")
	}},
	{"versions: custom labels that all move leave no version behind", recorded("test_non_versioning_version_stages_replacement"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "one", "two", "three")
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}}, version{id: v2, stages: []string{"one", "three", "two"}})
		v3 := c.put(token(), "one", "two", "three", "four")
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}}, version{id: v3, stages: []string{"four", "one", "three", "two"}})
	}},
	{"versions: custom labels move one by one", recorded("test_non_versioning_version_stages_no_replacement"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "one", "two", "three")
		v3 := c.put(token(), "one", "two", "four")
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}}, version{id: v2, stages: []string{"three"}}, version{id: v3, stages: []string{"four", "one", "two"}})
	}},
	{"versions without a label are listed with IncludeDeprecated", recorded("test_deprecated_secret_version_stage"), func(c *check) {
		v1 := *c.create(token()).VersionId
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}})
		v2 := c.put(token())
		c.versions(version{id: v1, stages: []string{"AWSPREVIOUS"}}, version{id: v2, stages: []string{"AWSCURRENT"}})
		v3 := c.put(token())
		last := []version{{id: v2, stages: []string{"AWSPREVIOUS"}}, {id: v3, stages: []string{"AWSCURRENT"}}}
		c.versions(last...)
		c.sameVersions(c.listVersions(true), append([]version{{id: v1}}, last...))
		v4 := c.put(token())
		last = []version{{id: v3, stages: []string{"AWSPREVIOUS"}}, {id: v4, stages: []string{"AWSCURRENT"}}}
		c.versions(last...)
		c.sameVersions(c.listVersions(true), append([]version{{id: v1}, {id: v2}}, last...))
	}},
	{"versions come in pages", documented("apireference/API_ListSecretVersionIds.html"), func(c *check) {
		want := []string{*c.create(token()).VersionId}
		for range 4 {
			want = append(want, c.put(token()))
		}
		in := secretsmanager.ListSecretVersionIdsInput{SecretId: &c.name, IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(2)}
		var got []string
		for range 3 {
			out, err := c.ListSecretVersionIds(c.ctx, &in)
			c.must(err)
			for _, v := range out.Versions {
				got = append(got, *v.VersionId)
			}
			in.NextToken = out.NextToken
		}
		c.same("versions", got, want)
		c.same("NextToken", in.NextToken, nil)
	}},
	{"versions: a token that was never given is refused", model, func(c *check) {
		c.create(token())
		_, err := c.ListSecretVersionIds(c.ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: &c.name, NextToken: aws.String(token())})
		c.code(err, "InvalidNextTokenException")
	}},
	{"versions of a secret scheduled for deletion are listed", model, func(c *check) {
		v1 := *c.create(token()).VersionId
		c.remove()
		c.versions(version{id: v1, stages: []string{"AWSCURRENT"}})
	}},
}
