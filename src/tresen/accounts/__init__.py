"""Who staff are and what they may do: users, teams, roles, presence, capacity, API tokens."""
