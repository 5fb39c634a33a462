/** Makes the CPU known, and the default device; imported once, by the entry files. */

import { cpu } from "./device.ts";
import { installDevice, registerDevice } from "../ops/devices.ts";

registerDevice(cpu());
installDevice(cpu());
