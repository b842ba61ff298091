//go:build integration

package integration

import (
	"os"
	"os/exec"
	"testing"
)

// The example of PostgreSQL prints this.
const examplePostgres = `dead letter: t-3 on dns
t-1 on db1 has severity 9
t-4 on vpn has severity 7
t-1 was said 2 times
t-2 was said 1 times
t-3 was said 1 times
t-4 was said 1 times
`

func TestTheExampleOfPostgresPrintsWhatItSays(t *testing.T) {
	dsn, _ := startPostgres(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "../examples/32-postgres")
	cmd.Env = append(os.Environ(), "POSTGRES_URL="+dsn)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil || string(out) != examplePostgres {
		t.Errorf("it ended with %v and printed\n%s", err, out)
	}
}
