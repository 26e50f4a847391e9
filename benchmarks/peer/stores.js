// The connections of a process, with the sizes of the functions' pools.

import { Redis } from "ioredis";
import pg from "pg";

export const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, min: 5, max: 20 });
export const cache = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true });
