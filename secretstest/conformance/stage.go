package conformance

import "fmt"

// two makes a secret with an earlier and a current version.
func (c *check) two() (v1, v2 string) { return *c.create(token()).VersionId, c.put(token()) }

var staging = []behaviour{
	{"AWSPREVIOUS follows AWSCURRENT, AWSPENDING stays", recorded("test_update_secret_version_stages_return_type"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "AWSPENDING")
		c.must(c.move("AWSCURRENT", v2, v1))
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT", "AWSPENDING"}})
	}},
	{"moving AWSCURRENT back swaps the labels", documented("apireference/API_UpdateSecretVersionStage.html"), func(c *check) {
		v1, v2 := c.two()
		c.must(c.move("AWSCURRENT", v1, v2))
		c.stages(map[string][]string{v1: {"AWSCURRENT"}, v2: {"AWSPREVIOUS"}})
	}},
	{"a label taken off leaves the others", recorded("test_update_secret_version_stages_current_pending_cycle_custom_stages_3"), func(c *check) {
		v1 := *c.create(token()).VersionId
		v2 := c.put(token(), "PENDING")
		c.must(c.move("AWSCURRENT", v2, v1))
		for _, labels := range [][]string{{"AWSCURRENT", "PENDING"}, {"AWSCURRENT"}} {
			first, err := c.getVersion(v1, "")
			c.must(err)
			second, err := c.getVersion(v2, "")
			c.must(err)
			c.same("labels", [][]string{first.VersionStages, second.VersionStages}, [][]string{{"AWSPREVIOUS"}, labels})
			if len(labels) == 2 {
				c.must(c.move("PENDING", "", v2))
			}
		}
	}},
	{"AWSCURRENT moves only with RemoveFromVersionId", reported("terraform-provider-aws#19943"), func(c *check) {
		v1, v2 := c.two()
		c.refused(c.move("AWSCURRENT", v1, ""), "InvalidParameterException", fmt.Sprintf(
			"The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version %s, "+
				"so you must explicitly reference that version in RemoveFromVersionId.", v2))
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
	}},
	{"RemoveFromVersionId without the label moves nothing", documented("apireference/API_UpdateSecretVersionStage.html"), func(c *check) {
		v1, v2 := c.two()
		v3 := c.put(token())
		c.code(c.move("AWSCURRENT", v1, v2), "InvalidParameterException")
		c.stages(map[string][]string{v2: {"AWSPREVIOUS"}, v3: {"AWSCURRENT"}})
	}},
	{"AWSCURRENT can't be taken off", reported("terraform-provider-aws, resource secret_version"), func(c *check) {
		_, v2 := c.two()
		c.refused(c.move("AWSCURRENT", "", v2), "InvalidParameterException",
			"You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
	}},
	{"a label may move to where it is", documented("apireference/API_UpdateSecretVersionStage.html"), func(c *check) {
		v1, v2 := c.two()
		c.must(c.move("AWSCURRENT", v2, ""))
		c.stages(map[string][]string{v1: {"AWSPREVIOUS"}, v2: {"AWSCURRENT"}})
	}},
	{"an unlabelled version can be current again", documented("apireference/API_UpdateSecretVersionStage.html"), func(c *check) {
		v1, _ := c.two()
		v3 := c.put(token())
		c.must(c.move("AWSCURRENT", v1, v3))
		c.stages(map[string][]string{v1: {"AWSCURRENT"}, v3: {"AWSPREVIOUS"}})
	}},
	{"UpdateSecretVersionStage of an absent version", ours, func(c *check) {
		c.two()
		c.code(c.move("LABEL", token(), ""), "ResourceNotFoundException")
	}},
	{"UpdateSecretVersionStage without a version", ours, func(c *check) {
		c.two()
		c.code(c.move("LABEL", "", ""), "InvalidParameterException")
	}},
	{"UpdateSecretVersionStage of an absent secret", documented("apireference/API_UpdateSecretVersionStage.html"), func(c *check) {
		c.notFound(c.move("LABEL", token(), ""))
	}},
}
