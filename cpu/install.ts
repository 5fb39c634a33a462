/** Makes the CPU the default device; imported once, by the entry files. */

import { cpu } from "./device.ts";
import { installDevice } from "../ops/tensor.ts";

installDevice(cpu());
