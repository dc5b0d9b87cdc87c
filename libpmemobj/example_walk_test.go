package libpmemobj_test

import (
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Team is the root object of the examples of walking.
type Team struct {
	Name    libpmemobj.String
	Players libpmemobj.Slice[libpmemobj.Ptr[Player]]
}

// exampleTeam makes a team of two, and a player whom nobody has picked.
func exampleTeam(pool *libpmemobj.Pool) libpmemobj.Ptr[Team] {
	root, err := libpmemobj.Root[Team](pool)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		team := root.Get()
		for _, name := range []string{"Ada", "Grace", "Kay"} {
			player, err := libpmemobj.NewZeroed[Player](tx)
			if err != nil {
				return err
			}
			if err := player.Get().Name.Set(tx, name); err != nil {
				return err
			}
			if name == "Kay" {
				continue // and forgotten
			}
			if err := team.Players.Append(tx, player); err != nil {
				return err
			}
		}
		return team.Name.Set(tx, "Compilers")
	})
	if err != nil {
		log.Fatal(err)
	}
	return root
}

// Everything that the root leads to, and a pointer that has gone astray.
func ExamplePool_Walk() {
	pool, remove := examplePool()
	defer remove()
	team := exampleTeam(pool)
	err := pool.Update(func(tx *libpmemobj.Tx) error {
		grace := *team.Get().Players.At(pool, 1)
		if err := grace.Get().Name.Set(tx, ""); err != nil {
			return err
		}
		return tx.Free(grace.OID()) // the team still has a pointer to her
	})
	if err != nil {
		log.Fatal(err)
	}
	for object, err := range pool.Walk(team) {
		if astray, ok := err.(*libpmemobj.WalkError); ok {
			fmt.Println(astray.Path, "leads nowhere:", astray.Err)
			continue
		}
		fmt.Println(object.Path(), object.Type)
	}
	// Output:
	// Team libpmemobj_test.Team
	// Team.Name libpmemobj.String
	// Team.Players []libpmemobj.Ptr[github.com/pmem/pmdk-go/libpmemobj_test.Player]
	// Team.Players[0] libpmemobj_test.Player
	// Team.Players[0].Name libpmemobj.String
	// Team.Players[1] leads nowhere: not a live object
}

// Objects that the root does not lead to are found, shown by type, and freed.
func ExamplePool_Leaks() {
	pool, remove := examplePool()
	defer remove()
	team := exampleTeam(pool)
	leaks, err := pool.Leaks(team)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range leaks.Types {
		fmt.Println(t.Count, t.Name())
	}
	freed, err := leaks.Free()
	fmt.Println(freed, "freed", err)
	// Output:
	// 1 libpmemobj.String
	// 1 libpmemobj_test.Player
	// 2 freed <nil>
}
